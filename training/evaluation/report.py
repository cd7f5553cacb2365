"""An evaluation as files: metrics.json, metrics.md and a page of the worst cases (index.html)."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.training.evaluation.evaluator import Evaluation, WorstCase
from instructsam_ros.training.evaluation.metrics import Metrics

COLUMNS = {
    "instructions": "n",
    "giou": "gIoU",
    "ciou": "cIoU",
    "p50": "P@50",
    "mean_ap": "mAP",
    "ap50": "AP50",
    "ap75": "AP75",
    "precision": "precision",
    "recall": "recall",
    "no_target_accuracy": "N-acc.",
    "target_accuracy": "T-acc.",
    "count_accuracy": "count acc.",
    "duplicate_rate": "duplicates",
}
"""Titles of the figures of ``Metrics``; N-acc. and T-acc. are no-target and target accuracy."""
INTERVALS = "in brackets 95 % bootstrap intervals over images"
STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums; }
th, td { padding: .2em .6em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 2em 0; } img { max-width: 100%; } small { color: #555; }
"""


def write_report(
    evaluation: Evaluation, out: Path, about: Mapping[str, str], columns: Sequence[str] = tuple(COLUMNS)
) -> None:
    """Write metrics.json, metrics.md, index.html and cases/*.jpg under ``out``.

    about: what was evaluated on what, by name; stated at the top of each file. columns: names of the figures
    in the tables; metrics.json holds all of them.
    """
    earlier = (out / "metrics.json").exists()
    content = {"about": dict(about), "metrics": evaluation.metrics.as_dict()}
    write_atomic(out / "metrics.json", (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
    write_atomic(out / "metrics.md", markdown(evaluation.metrics, about, columns).encode())
    for old in (out / "cases").glob("[0-9][0-9][0-9]*.jpg") if earlier else ():  # of an earlier report
        old.unlink()
    for rank, case in enumerate(evaluation.worst, 1):
        write_atomic(out / "cases" / f"{rank:03d}.jpg", case.jpeg)
    write_atomic(out / "index.html", page(evaluation, about, columns).encode())


def groups(metrics: Metrics) -> list[tuple[str, Metrics]]:
    """Metrics of all cases, then those of every label and value, with their titles."""
    return [("all", metrics)] + [
        (f"{label}: {value}", part)
        for label, parts in metrics.by_label.items()
        for value, part in parts.items()
    ]


def rows(title: str, named: Sequence[tuple[str, Metrics]], columns: Sequence[str]) -> list[list[str]]:
    """Table rows, header first. Ratios are in per cent."""
    header = [title, *(COLUMNS[name] for name in columns)]
    return [header, *([name, *(_cell(group, column) for column in columns)] for name, group in named)]


def table(title: str, named: Sequence[tuple[str, Metrics]], columns: Sequence[str]) -> str:
    """Write a Markdown table with a row for each name."""
    header, *body = rows(title, named, columns)
    lines = [_line(header), _line(["---", *["---:"] * len(columns)])]
    return "\n".join([*lines, *(_line([cell.replace("|", "\\|") for cell in row]) for row in body), ""])


def markdown(metrics: Metrics, about: Mapping[str, str], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """Write the whole report as one Markdown table."""
    lines = [f"- {name}: {value}" for name, value in about.items()]
    return "\n".join(
        [*lines, "", f"Figures in per cent, {INTERVALS}.", "", table("", groups(metrics), columns)]
    )


def page(evaluation: Evaluation, about: Mapping[str, str], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """A static page that needs only the pictures in cases/."""
    header, *body = rows("", groups(evaluation.metrics), columns)
    cells = _row("th", header) + "".join(_row("td", row) for row in body)
    facts = " · ".join(f"{html.escape(name)}: <b>{html.escape(value)}</b>" for name, value in about.items())
    figures = "".join(_figure(rank, case) for rank, case in enumerate(evaluation.worst, 1))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{STYLE}</style>"
        f"<h1>Evaluation</h1><p>{facts}</p><table>{cells}</table>"
        f"<p>Figures in per cent, {INTERVALS}.</p>"
        f"<h2>The {len(evaluation.worst)} worst cases</h2>"
        f"<p>Left: the prediction. Right: correct pixels green, missed red, extra blue.</p>{figures}"
    )


def _cell(metrics: Metrics, name: str) -> str:
    value = metrics.values()[name]
    if name == "instructions" or value is None:
        return "-" if value is None else str(value)
    low, high = (f"{100 * end:.1f}" for end in metrics.intervals.get(name, (0, 0)))
    return f"{100 * value:.1f}" + (f" [{low}, {high}]" if name in metrics.intervals else "")


def _figure(rank: int, case: WorstCase) -> str:
    found = ", ".join(f"{phrase} {score:.2f}" for phrase, score in case.found) or "no target"
    labels = ", ".join(f"{label}: {value}" for label, value in case.labels.items())
    facts = f"IoU {case.iou:.2f} · {case.targets} targets, {len(case.found)} predicted · {case.image}"
    return (
        f'<figure><img loading="lazy" src="cases/{rank:03d}.jpg" alt=""><figcaption>'
        f"<b>{html.escape(case.instruction)}</b> → {html.escape(found)}<br>"
        f"<small>{html.escape(facts)}<br>{html.escape(labels)}</small></figcaption></figure>"
    )


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"


def _row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
