"""Rendered scenes, the scripted language model that knows them, and configurations that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks.scripted_answers import Scene
from benchmarks.scripted_vlm import Faults, ScriptedVlm
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.data_engine.hmpl.config import HmplConfig
from instructsam_ros.training.data_engine.inst2seg.config import Inst2SegConfig
from instructsam_ros.yaml_config import build

Serve = Callable[..., ScriptedVlm]


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(DATA / "scenes")]


@pytest.fixture
def serve(scenes: list[Scene]) -> Iterator[Serve]:
    """Starts a server with faults."""
    with ExitStack() as stack:

        def start(seed: int = 0, **faults: float) -> ScriptedVlm:
            return stack.enter_context(ScriptedVlm(scenes, Faults(**faults), seed).running())

        yield start


@pytest.fixture
def pictures(scenes: list[Scene], tmp_path: Path) -> Path:
    """A folder of pictures of three scenes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for scene in scenes[:3]:
        cv2.imwrite(str(folder / f"{scene.name}.png"), scene.view.rgb[:, :, ::-1])
    return folder


@pytest.fixture
def inst2seg(pictures: Path, tmp_path: Path) -> Callable[..., Inst2SegConfig]:
    def config(server: ScriptedVlm, **further: Any) -> Inst2SegConfig:
        values = {
            "frames": {"folder": str(pictures), "cut": 0.0, "same": 0.0, "blur": 1.0},
            "vlm": vlm(server),
            "out": str(tmp_path / "out"),
            "prices": {"request": 0.3, "reply": 2.5},
            "questions": 6,
        }
        return build(Inst2SegConfig, values | further)

    return config


@pytest.fixture
def hmpl(tmp_path: Path) -> Callable[..., HmplConfig]:
    def config(server: ScriptedVlm, **further: Any) -> HmplConfig:
        values = {
            "sets": [{"format": "scenes", "root": str(DATA / "scenes"), "nouns": True, "views": 6}],
            "images": 3,
            "objects": 2,
            "pixels": 20,
            "seed": 1,
            "vlm": vlm(server),
            "out": str(tmp_path / "out"),
        }
        return build(HmplConfig, values | further)

    return config


def vlm(server: ScriptedVlm) -> dict[str, Any]:
    return {"server": {"url": server.url, "model": "scripted", "pause": 0.01, "timeout": 60.0}}
