"""From VISOR annotations to a node that runs the fine-tuned model, with the commands of docs/training.md.

The tiny model of the golden files learns from six frames of one video; the other video is held out.
"""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

import instructsam_ros
from instructsam_ros.cli import main
from instructsam_ros.training import checkpoint
from instructsam_ros.types import CameraModel
from test.forks import fork
from test.training.data.readers.visor.visor_files import write_visor

STEPS = 16
HELD_OUT = "P01_02"
INSTRUCTION = "both of my hands"
EVERY_SCORE = {"score_threshold": 0.0}
"""Options of the model; after so few steps no score is high."""


@dataclass(frozen=True)
class Kitchen:
    """A VISOR tree, and the training file beside it. visor: settings of the reader, all but annotations."""

    folder: Path
    visor: dict[str, str]

    def annotations(self, video: str) -> str:
        return str(self.folder / "visor/annotations/train" / f"{video}.json")

    def data_set(self, video: str) -> dict[str, str]:
        return {"format": "visor", **self.visor, "annotations": self.annotations(video)}

    def write(self, name: str, values: dict[str, Any]) -> str:
        path = self.folder / name
        path.write_text(yaml.safe_dump(values))
        return str(path)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    folder = tmp_path_factory.mktemp("kitchen")
    settings = write_visor(folder / "visor", frames=12)
    names = ("images", "frame_mapping", "noun_classes", "contact_fixes", "narrations")
    return Kitchen(folder, {name: str(getattr(settings, name)) for name in names})


@pytest.fixture(scope="module")
def training_file(kitchen: Kitchen, tiny_folder: Path) -> str:
    return kitchen.write(
        "train.yaml",
        {
            "objective": "instructsam",
            "model": str(tiny_folder),
            "data": {"sets": [kitchen.data_set("P01_01")]},
            "evaluation": {"sets": [kitchen.data_set(HELD_OUT)], "limit": 1, "samples": 0},
            "out": str(kitchen.folder / "run"),
            "steps": STEPS,
            "checkpoint_every": 2,
            "threads": 1,
            "workers": 0,
            "precision": "no",
            "optimizer": {"learning_rate": 2e-3, "warmup_steps": 2},
        },
    )


@pytest.fixture(scope="module")
def killed_run(kitchen: Kitchen, training_file: str) -> Path:
    """The folder of a run that was killed while it trained, between its checkpoints."""
    run = kitchen.folder / "run"
    log = kitchen.folder / "train.log"
    process = fork(main, ["train", training_file], log=log)
    while not (run / checkpoint.NAME).exists():
        assert process.is_alive(), log.read_text()
        time.sleep(0.02)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return run


@pytest.fixture(scope="module")
def fine_tuned(kitchen: Kitchen, training_file: str, killed_run: Path) -> Path:
    """The model folder of the killed run, continued to its end."""
    stopped = checkpoint.load(killed_run)
    assert stopped is not None
    assert 2 <= stopped["step"] < STEPS
    assert main(["train", training_file]) == 0
    assert main(["train", training_file, "--export", str(kitchen.folder / "model")]) == 0
    return kitchen.folder / "model"


@pytest.fixture(scope="module")
def frame(kitchen: Kitchen) -> np.ndarray:
    """A held-out frame, RGB uint8 [180, 320, 3]."""
    path = min((kitchen.folder / "visor/images" / HELD_OUT).glob("*.jpg"))
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def test_inspection_counts_the_frames(kitchen: Kitchen, capsys: pytest.CaptureFixture[str]) -> None:
    sets = kitchen.write("sets.yaml", {"sets": [kitchen.data_set("P01_01"), kitchen.data_set(HELD_OUT)]})
    assert main(["data", "inspect", sets, "--sheet", str(kitchen.folder / "sheet.png")]) == 0
    report = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert report["images"].endswith("12: 320x180 12")
    assert report["instructions"].endswith("0 records broken")
    assert all(kind in report["kind"] for kind in ("noun", "contact", "hands", "action"))
    assert cv2.imread(str(kitchen.folder / "sheet.png")) is not None


@pytest.mark.usefixtures("fine_tuned")
def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(kitchen: Kitchen, training_file: str) -> None:
    assert main(["train", training_file, f"out={kitchen.folder / 'whole'}"]) == 0
    whole, continued = (checkpoint.load(kitchen.folder / name) for name in ("whole", "run"))
    assert whole is not None
    assert continued is not None
    assert whole["step"] == continued["step"] == STEPS
    for part in ("model", "average"):
        assert whole[part].keys() == continued[part].keys()
        for name, value in whole[part].items():
            assert torch.equal(value, continued[part][name]), name


def test_the_table_holds_both_models_on_the_held_out_frames(
    kitchen: Kitchen, fine_tuned: Path, tiny_folder: Path
) -> None:
    benchmark = kitchen.write(
        "eval.yaml",
        {
            "protocol": "visor",
            "data": {**kitchen.visor, "annotations": kitchen.annotations(HELD_OUT)},
            "models": [
                {"model": str(fine_tuned), "name": "fine-tuned", "device": "cpu", "options": EVERY_SCORE},
                {"model": str(tiny_folder), "name": "start", "device": "cpu", "options": EVERY_SCORE},
            ],
            "out": str(kitchen.folder / "benchmark"),
            "limit": 6,
            "worst": 2,
        },
    )
    assert main(["eval", benchmark]) == 0
    figures = json.loads((kitchen.folder / "benchmark/comparison.json").read_text())
    assert {name: each["instructions"] for name, each in figures.items()} == {"fine-tuned": 6, "start": 6}
    for name in figures:
        report = json.loads((kitchen.folder / "benchmark" / name / "metrics.json").read_text())
        assert (report["about"]["model"], report["about"]["broken records"]) == (name, "0")
    table = (kitchen.folder / "benchmark/comparison.md").read_text()
    assert "| fine-tuned | 6 |" in table
    assert "| start | 6 |" in table


def test_the_node_answers_with_the_fine_tuned_model(
    fine_tuned: Path,
    tiny_folder: Path,
    frame: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("rclpy")
    from instructsam_ros.ros.conversions import mask_from_messages
    from instructsam_ros.ros.domain import reserve_domain
    from instructsam_ros.ros.node_main import use_shipped_profile
    from instructsam_ros.srv import SegmentOnce
    from test.ros.conftest import started

    monkeypatch.setenv("ROS_DOMAIN_ID", str(reserve_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    use_shipped_profile()
    expected, start = (
        instructsam_ros.load(str(folder), device="cpu", **EVERY_SCORE).segment_image(frame, INSTRUCTION)
        for folder in (fine_tuned, tiny_folder)
    )
    height, width = frame.shape[:2]
    depth = np.full((height, width), 800, np.uint16)
    camera = CameraModel(width, height, 300.0, 300.0, (width - 1) / 2, (height - 1) / 2)
    options = {"model": fine_tuned, "device": "cpu", "model_options": "'{score_threshold: 0.0}'"}
    with started(tmp_path, "kitchen_node", **options) as (_, client):
        client.wait(client.service.service_is_ready)
        answer = client.service.call_async(SegmentOnce.Request(instruction=INSTRUCTION))
        client.wait(answer.done, lambda: client.send(frame, depth, camera))
    response = answer.result()
    assert (response.error_code, response.error_msg) == (SegmentOnce.Response.ERROR_NONE, "")
    assert response.result.answer == expected.answer != start.answer
    found = response.result.instances
    assert len(found) == len(expected.instances)
    for one, other in zip(found, expected.instances, strict=True):
        mask = mask_from_messages(one.box, one.mask, (height, width))
        assert (mask == other.mask).mean() > 0.99
        assert one.centroid.z == pytest.approx(0.8, abs=1e-3)
