"""Fill the tables of docs/design_study.md from what the other scripts wrote, and draw its plots.

    python -m benchmarks.design_study.report

Text between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` is replaced; a section without results
is left as it is, and named.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.command import run
from benchmarks.design_study import plots, questions, tables
from benchmarks.design_study.tables import Sample, markdown
from benchmarks.design_study.variants import ARMS
from instructsam_ros.errors import InvalidInputError

REFERENCE = "full"
AGENT = {
    "instruction": "instruction model",
    "concept-none": "concept alone",
    "concept-marked": "concept, judged with the rest dimmed",
    "concept-zoomed": "concept, judged zoomed in",
    "concept-oracle": "concept, judged by an oracle",
}


def arm_runs(root: Path) -> dict[str, list[Path]]:
    """Arm -> folders of its finished seeds."""
    found = {arm: [path.parent for path in sorted(root.glob(f"{arm}-[0-9]*/answers.json"))] for arm in ARMS}
    return {arm: folders for arm, folders in found.items() if folders}


def arms(root: Path) -> str:
    """The comparison of the trained arms."""
    runs = arm_runs(root)
    if REFERENCE not in runs:
        raise FileNotFoundError(f"{root}/{REFERENCE}-0/answers.json")
    models = {
        ARMS[arm].title: [Sample.of(questions.load(folder / "answers.json")[0]) for folder in folders]
        for arm, folders in runs.items()
    }
    reference = ARMS[REFERENCE].title
    abouts = [questions.load(folder / "answers.json")[1] for folders in runs.values() for folder in folders]
    budgets = sorted({about["instructions"] for about in abouts})
    first = next(iter(models.values()))[0]
    parts = [
        f"Trained on {' or '.join(f'{b:,}' for b in budgets)} instructions each; scored on {len(first.iou)} "
        f"held-out instructions about {len(set(first.image))} views. Per cent, with 95 % bootstrap intervals "
        "over images; differences are paired.",
        markdown(tables.comparison(models, reference)),
        "By number of targets:",
        markdown(tables.by_targets(models, reference)),
    ]
    if max(map(len, models.values())) > 1:
        parts += ["Every seed:", markdown(tables.spread(models))]
    return "\n\n".join(parts)


def agent(root: Path) -> str:
    """Instruction model against concept prompting plus filtering."""
    models = {
        title: [Sample.of(questions.load(root / name / "answers.json")[0])] for name, title in AGENT.items()
    }
    return markdown(tables.with_time(models, AGENT["instruction"]))


def latency(root: Path) -> str:
    """Milliseconds side by side."""
    rows = plots.read_csv(root / "latency.csv")
    times = {(row["way"], int(row["targets"])): float(row["total_ms"]) for row in rows}
    counts = sorted({count for _, count in times})
    body = [
        [
            str(count),
            f"{times['bank', count]:.1f}",
            f"{times['one-token', count]:.1f}",
            f"{times['one-token', count] / times['bank', count]:.2f}",
        ]
        for count in counts
    ]
    return markdown([["targets", "query bank, ms", "one [SEG] per instance, ms", "ratio"], *body])


SECTIONS: dict[str, Callable[[Path], str]] = {"arms": arms, "latency": latency, "agent": agent}


def fill(text: str, name: str, content: str) -> str:
    """Replace a marked section. Raises InvalidInputError where the markers are missing."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise InvalidInputError(f"the document lacks {begin} ... {end}")
    return pattern.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/design-study"))
    parser.add_argument("--document", type=Path, default=Path("docs/design_study.md"))
    args = parser.parse_args()
    text = args.document.read_text()
    images = args.document.parent / "images"
    for name, section in SECTIONS.items():
        try:
            text = fill(text, name, section(args.runs))
        except FileNotFoundError as error:
            print(f"{name}: no results yet ({error})")
    args.document.write_text(text)
    if runs := arm_runs(args.runs):
        plots.curves(
            {ARMS[arm].title: folders for arm, folders in runs.items()}, images / "design_study_curves.png"
        )
    if (args.runs / "latency.csv").exists():
        plots.latency(plots.read_csv(args.runs / "latency.csv"), images / "design_study_latency.png")


if __name__ == "__main__":
    run(main)
