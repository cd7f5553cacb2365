"""What a run leaves behind to read: CSV, plots, TensorBoard and Weights & Biases."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import MissingDependencyError


def check_trackers(report_to: Sequence[str]) -> None:
    """Raise MissingDependencyError for a tracker that is not installed."""
    for name in report_to:
        if find_spec(name) is None:
            raise MissingDependencyError(f"report_to: {name} is missing; install it with: pip install {name}")


def make_tracker(kind: str, folder: Path, table: str, resume_step: int) -> GeneralTracker:
    """Create and start the tracker of a table. All tables of a folder share one run of wandb."""
    if kind == "wandb":
        run = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        tracker = WandBTracker("instructsam_ros", name=folder.name, id=run, resume="allow", dir=str(folder))
    else:
        tracker = TensorBoardTracker(table, folder / "tensorboard", purge_step=resume_step + 1)
    tracker.start()
    return tracker


class MetricLogger:
    """Rows of one table (``train`` or ``eval``), each with a step; a resumed run drops rows from after
    the checkpoint it resumes from. report_to: trackers that get the rows, too.
    """

    def __init__(
        self, folder: Path, name: str, resume_step: int, report_to: Sequence[str] = ("tensorboard",)
    ) -> None:
        self.path = folder / f"{name}.csv"
        self.name = name
        self.rows: list[dict[str, float]] = []
        if self.path.exists():
            with self.path.open() as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= resume_step]
        self.trackers = {kind: make_tracker(kind, folder, name, resume_step) for kind in report_to}

    def knows(self, step: int) -> bool:
        """Whether there is a row of this step."""
        return any(row["step"] == step for row in self.rows)

    def column(self, name: str) -> list[float]:
        """Return the values of a column so far."""
        return [row[name] for row in self.rows if name in row]

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row and rewrite the table atomically."""
        self.rows.append({"step": float(step), **values})
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        table = io.StringIO()
        writer = csv.DictWriter(table, columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomic(self.path, table.getvalue().encode())
        for kind, tracker in self.trackers.items():
            prefix = f"{self.name}/" if kind == "wandb" else ""
            tracker.log({f"{prefix}{key}": value for key, value in values.items()}, step)

    def plot(self, title: str) -> None:
        """One small panel per column over steps, as NAME.png beside the table."""
        from matplotlib.figure import Figure

        series: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row in self.rows:
            for key, value in row.items():
                if key != "step":
                    series[key].append((row["step"], value))
        columns = 4
        lines = max(1, -(-len(series) // columns))
        height = 2.4 * lines + 0.5
        figure = Figure(figsize=(4 * columns, height))
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis in axes.flat[len(series) :]:
            axis.axis("off")
        for axis, (key, points) in zip(axes.flat, series.items(), strict=False):
            axis.plot(*zip(*points, strict=True), linewidth=1)
            axis.set_title(key, fontsize=8)
            axis.tick_params(labelsize=7)
            axis.locator_params(nbins=4)
        figure.suptitle(title, fontsize=10)
        # Fixed margins: tight_layout lays out every text several times, seconds for 30 panels.
        figure.subplots_adjust(0.04, 0.4 / height, 0.99, 1 - 0.6 / height, hspace=0.3, wspace=0.2)
        figure.savefig(self.path.with_suffix(".png"), dpi=80)
