"""Curves of the arms and milliseconds against the number of targets, as PNG."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

CURVES = {
    "giou": "gIoU",
    "ap50": "AP50",
    "no_target_accuracy": "no-target accuracy",
    "count_accuracy": "count accuracy",
}


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows by column name."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def curves(runs: dict[str, Sequence[Path]], path: Path) -> None:
    """Held-out metrics over training, mean and range over seeds. runs: title -> run folders."""
    figure, axes = _figure(len(CURVES))
    for axis, (column, label) in zip(axes, CURVES.items(), strict=True):
        for title, folders in runs.items():
            steps: dict[float, list[float]] = defaultdict(list)
            for folder in folders:
                for row in read_csv(folder / "eval.csv"):
                    if row.get(column):
                        steps[float(row["step"])].append(float(row[column]))
            x = sorted(steps)
            (line,) = axis.plot(x, [np.mean(steps[s]) for s in x], label=title)
            axis.fill_between(
                x, [min(steps[s]) for s in x], [max(steps[s]) for s in x], color=line.get_color(), alpha=0.15
            )
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("step")
    axes[0].legend(fontsize=7)
    _save(figure, path)


def latency(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Whole answers on the left, its two stages on the right."""
    figure, axes = _figure(2)
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        targets = [int(row["targets"]) for row in mine]
        (line,) = axes[0].plot(targets, [float(row["total_ms"]) for row in mine], marker="o", label=way)
        for stage, style in (("generate", "-"), ("masks", "--")):
            values = [float(row[stage]) for row in mine]
            axes[1].plot(targets, values, style, color=line.get_color(), label=f"{way}: {stage}")
    for axis, title in zip(axes, ("whole answer", "stages"), strict=True):
        axis.set(title=title, xlabel="targets", ylabel="ms")
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=8)
    _save(figure, path)


def _figure(panels: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, panels, figsize=(4.2 * panels, 3.4))
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
