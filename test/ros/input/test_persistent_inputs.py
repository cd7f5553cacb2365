"""What outlives an activation, and what comes in the midst of one."""

from __future__ import annotations

import threading

import pytest

from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.job_queue import Inbox
from instructsam_ros.ros.input.persistent_inputs import Standing
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.stamped import message

A_MOMENT = 0.2


class Interrupted(Inbox):
    """Lets ``meanwhile`` run in another thread when the first instruction comes, for as long as it can."""

    def __init__(self, meanwhile) -> None:
        super().__init__(Counters(), NodeSettings)
        self.thread = threading.Thread(target=meanwhile)

    def set_instruction(self, text: str) -> bool:
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(A_MOMENT)
        return super().set_instruction(text)


@pytest.fixture
def announced() -> list[str]:
    return []


def test_an_instruction_that_comes_while_the_node_activates_is_the_one_that_stands(announced):
    standing = Standing("mug", announced.append)
    inbox = Interrupted(lambda: standing.set_instruction("bowl"))
    standing.activate(inbox)
    inbox.thread.join()
    assert inbox.instruction == "bowl"
    assert announced == ["mug", "bowl"]


def test_one_that_comes_while_the_node_deactivates_is_not_announced_after_its_end(announced):
    standing = Standing("mug", announced.append)
    inbox = Interrupted(lambda: standing.deactivate())
    standing.activate(inbox)
    inbox.thread.join()
    assert announced == ["mug", ""]
    assert standing.inbox is None


def test_instruction_and_camera_info_reach_the_next_activation_and_the_newest_hold(announced):
    standing = Standing("mug", announced.append)
    standing.set_info("of the old camera")
    assert standing.deactivate() is None
    first, second = (Inbox(Counters(), NodeSettings) for _ in range(2))
    standing.activate(first)
    assert first.frames.has_info
    assert standing.deactivate() is first
    standing.set_info("of the new camera")
    standing.set_instruction("bowl")
    standing.activate(second)
    image = message(1)
    second.store_image(image)
    second.store_pair(image, message(1))
    job = second.next_job()
    assert job is not None
    assert job.camera is not None
    assert (job.instruction, job.camera.info) == ("bowl", "of the new camera")
    assert announced == ["mug", "", "bowl"]


def test_without_depth_a_camera_info_is_not_used():
    inbox = Inbox(Counters(), lambda: NodeSettings(use_depth=False))
    inbox.store_info("of an uncalibrated camera")
    assert not inbox.frames.has_info
