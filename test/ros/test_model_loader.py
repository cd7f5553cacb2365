"""How loading a model ends: with the model, with the reason, or late."""

from __future__ import annotations

import threading

import pytest

from instructsam_ros.errors import CheckpointError, InstructSamError
from instructsam_ros.ros import model_loader
from instructsam_ros.ros.model_loader import ModelLoader
from instructsam_ros.ros.model_thread import ModelThread
from instructsam_ros.ros.parameters import NodeSettings

NEVER = threading.Event()


@pytest.mark.parametrize("kind", [BaseException, SystemExit])
def test_what_is_no_exception_ends_loading_at_once_with_its_reason(monkeypatch, kind):
    """A panic of a library in Rust derives from BaseException alone."""

    def load(*_, **__):
        raise kind("the file is corrupt")

    monkeypatch.setattr(model_loader, "load", load)
    with pytest.raises(InstructSamError, match=f"{kind.__name__}: the file is corrupt"):
        ModelLoader(ModelThread()).load(NodeSettings(), NEVER)


def test_beside_a_load_that_takes_too_long_no_second_one_begins(monkeypatch):
    begun, go_on = [], threading.Event()

    def load(model, **_):
        begun.append(model)
        assert go_on.wait(60)
        return model

    monkeypatch.setattr(model_loader, "load", load)
    thread = ModelThread()
    loader = ModelLoader(thread)
    with pytest.raises(CheckpointError, match="'slow' took longer than load_timeout"):
        loader.load(NodeSettings(model="slow", load_timeout=1.0), NEVER)
    with pytest.raises(CheckpointError, match="still loading"):
        loader.load(NodeSettings(model="other"), NEVER)
    assert begun == ["slow"]
    go_on.set()
    thread.submit(lambda: None).result(60)
    assert loader.load(NodeSettings(model="other"), NEVER) == "other"
