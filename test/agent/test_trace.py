import json

import cv2
import numpy as np
import pytest

from instructsam_ros.agent.trace import Trace
from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.vlm.chat import Message, Reply, ToolCall

RGB = np.random.default_rng(0).integers(0, 255, (6, 7, 3), np.uint8)


def test_messages_and_pictures_are_written_once_after_every_event(tmp_path):
    trace, made = Trace(tmp_path, "the cups"), ToolCall("look", {"at": "cup"}, "1")
    first = [Message("system", "be kind"), Message("user", "the cups", (RGB,))]
    trace.add("agent", first, Reply("I look", (made,), tokens=7))
    (file,) = tmp_path.glob("*/trace.json")
    assert len(json.loads(file.read_text())["events"]) == 1
    second = [*first, Message("assistant", "I look", call=made), Message("user", "again", (RGB, RGB[::-1]))]
    trace.add("agent", second, Reply("", (), ("not JSON",)))
    trace.finish(status="OK")
    data = json.loads(file.read_text())
    assert (data["instruction"], data["outcome"]) == ("the cups", {"status": "OK"})
    events = data["events"]
    assert [len(event["messages"]) for event in events] == [2, 2]
    assert events[0]["reply"]["calls"] == [{"name": "look", "arguments": {"at": "cup"}}]
    assert events[1]["reply"]["errors"] == ["not JSON"]
    assert events[1]["messages"][1]["pictures"] == ["000.png", "001.png"]
    assert len(list(file.parent.glob("*.png"))) == 2
    assert np.array_equal(cv2.imread(str(file.parent / "001.png"))[..., ::-1], RGB[::-1])


def test_every_answer_has_a_folder_of_its_own(tmp_path):
    for _ in range(3):
        Trace(tmp_path, "the cups").finish(status="OK")
    assert len(list(tmp_path.iterdir())) == 3


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trace = Trace(None, "the cups")
    trace.add("agent", [Message("user", "", (RGB,))], Reply(""))
    trace.finish(status="OK")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InstructSamError, match="cannot write"):
        Trace(tmp_path / "file", "the cups").finish(status="OK")
