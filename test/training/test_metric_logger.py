"""Tables of a run: what is added is read back, a resumed run drops later rows, and plots are pictures."""

import cv2
import numpy as np
import pytest
from accelerate import PartialState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from instructsam_ros.errors import MissingDependencyError
from instructsam_ros.training import metric_logger
from instructsam_ros.training.metric_logger import MetricLogger


@pytest.fixture
def logger(tmp_path) -> MetricLogger:
    logger = MetricLogger(tmp_path, "eval", resume_step=0)
    for step in (1, 2, 3):
        logger.add(step, {"loss": 1 / step})
    logger.add(4, {"giou": 0.5})  # the table gets a column in mid-run
    return logger


def test_rows_are_read_back(logger, tmp_path):
    assert MetricLogger(tmp_path, "eval", resume_step=4).rows == logger.rows
    assert logger.rows[3] == {"step": 4, "giou": 0.5}
    assert logger.path.read_text().splitlines()[0] == "step,loss,giou"


def test_a_resumed_run_drops_what_came_after_its_checkpoint(logger, tmp_path):
    resumed = MetricLogger(tmp_path, "eval", resume_step=2)
    assert [resumed.knows(step) for step in (1, 2, 3, 4)] == [True, True, False, False]
    resumed.add(3, {"loss": 9.0})
    assert [row["step"] for row in MetricLogger(tmp_path, "eval", resume_step=9).rows] == [1, 2, 3]
    board = EventAccumulator(str(tmp_path / "tensorboard" / "eval"))
    board.Reload()
    assert [(event.step, event.value) for event in board.Scalars("loss")] == [(1, 1.0), (2, 0.5), (3, 9.0)]


@pytest.mark.parametrize(("columns", "lines"), [(0, 1), (1, 1), (4, 1), (5, 2)])
def test_a_plot_has_a_panel_per_column(tmp_path, columns, lines):
    logger = MetricLogger(tmp_path, "train", resume_step=0)
    for step in (1, 2):
        logger.add(step, {f"m{number}": float(number + step) for number in range(columns)})
    logger.plot("losses")
    picture = cv2.imread(str(tmp_path / "train.png"))
    assert picture.shape[1] == 4 * 4 * 80
    assert picture.shape[0] == pytest.approx((2.4 * lines + 0.5) * 80, abs=1)
    blue = picture[..., 0] > picture[..., 2].astype(int) + 50  # lines; text and axes are grey
    drawn = sum(
        panel.any() for row in np.array_split(blue, lines) for panel in np.array_split(row, 4, axis=1)
    )
    assert drawn == columns


def test_values_of_a_column_are_those_of_its_rows(logger):
    assert logger.column("giou") == [0.5]
    assert logger.column("loss") == [1, 1 / 2, 1 / 3]


def test_a_tracker_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(metric_logger, "find_spec", lambda name: None if name == "wandb" else object())
    metric_logger.check_trackers(["tensorboard"])
    with pytest.raises(MissingDependencyError, match="pip install wandb"):
        metric_logger.check_trackers(["tensorboard", "wandb"])


def test_both_tables_report_to_one_run_of_wandb(tmp_path, monkeypatch):
    started, logged = [], []

    class Tracker:
        def __init__(self, project, **options):
            self.options = options

        def start(self):
            started.append(self.options)

        def log(self, values, step):
            logged.append((values, step))

    monkeypatch.setattr(metric_logger, "WandBTracker", Tracker)
    for table in ("train", "eval"):
        MetricLogger(tmp_path, table, 0, ["wandb"]).add(2, {"loss": 0.5})
    assert started[0] == started[1]
    assert started[0]["id"]
    assert logged == [({"train/loss": 0.5}, 2), ({"eval/loss": 0.5}, 2)]
    assert not (tmp_path / "tensorboard").exists()


def test_wandb_itself_takes_the_rows_without_a_network(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed (pip install wandb)")
    monkeypatch.setenv("WANDB_MODE", "offline")
    PartialState()  # a run has one; the tracker's log asks for it
    tables = [MetricLogger(tmp_path, name, 0, ["wandb"]) for name in ("train", "eval")]
    run = wandb.run
    for step in (1, 2):
        for table, column in zip(tables, ("loss", "giou"), strict=True):
            table.add(step, {column: 0.5 / step})
    # A row is closed when the next step begins, the last one at the end of the run.
    assert (run.step, run.summary["train/loss"], run.summary["eval/giou"]) == (2, 0.5, 0.5)
    wandb.finish()
    assert list((tmp_path / "wandb").glob(f"offline-run-*/run-{run.id}.wandb"))
