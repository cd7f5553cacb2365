"""Several models on one benchmark, side by side in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.training.evaluation.metrics import Metrics
from instructsam_ros.training.evaluation.report import INTERVALS, table


def comparison(metrics: Mapping[str, Metrics], columns: Sequence[str]) -> str:
    """Write a Markdown table with a row for each model. metrics: by the model's name."""
    return f"Figures in per cent, {INTERVALS}.\n\n" + table("model", list(metrics.items()), columns)


def write_comparison(metrics: Mapping[str, Metrics], columns: Sequence[str], out: Path) -> None:
    """Write comparison.md and comparison.json under ``out``."""
    write_atomic(out / "comparison.md", comparison(metrics, columns).encode())
    content = {name: each.as_dict() for name, each in metrics.items()}
    write_atomic(out / "comparison.json", (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
