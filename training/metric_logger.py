"""What a run leaves behind to read: CSV, TensorBoard and plots."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from instructsam_ros.atomic_write import write_atomic


class MetricLogger:
    """Rows of one table (``train`` or ``eval``), each with a step; a resumed run drops rows from after
    the checkpoint it resumes from.
    """

    def __init__(self, folder: Path, name: str, resume_step: int) -> None:
        self.path = folder / f"{name}.csv"
        self.name = name
        self.rows: list[dict[str, float]] = []
        if self.path.exists():
            with self.path.open() as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= resume_step]
        self.board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=resume_step + 1)

    def knows(self, step: int) -> bool:
        """Whether there is a row of this step."""
        return any(row["step"] == step for row in self.rows)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row and rewrite the table atomically."""
        self.rows.append({"step": float(step), **values})
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        table = io.StringIO()
        writer = csv.DictWriter(table, columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomic(self.path, table.getvalue().encode())
        for key, value in values.items():
            self.board.add_scalar(key, value, step)
        self.board.flush()

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
