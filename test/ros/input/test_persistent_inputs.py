"""What outlives an activation, and what comes in the midst of one."""

from __future__ import annotations

import threading

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.prompt_requests import PromptRequest
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.input.job_queue import JobQueue
from instructsam_ros.ros.input.persistent_inputs import MAX_NAMED, PersistentInputs
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.stamped import message

A_MOMENT = 0.2


class Interrupted(JobQueue):
    """Lets ``meanwhile`` run in another thread when the first instruction comes, for as long as it can."""

    def __init__(self, meanwhile) -> None:
        super().__init__(Counters(), NodeSettings)
        self.thread = threading.Thread(target=meanwhile)

    def set_instruction(self, text: str, prompt=None) -> bool:
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(A_MOMENT)
        return super().set_instruction(text, prompt)


@pytest.fixture
def announced() -> list[str]:
    return []


def test_an_instruction_that_comes_while_the_node_activates_is_the_one_that_stands(announced):
    inputs = PersistentInputs("mug", announced.append)
    queue = Interrupted(lambda: inputs.set_instruction("bowl"))
    inputs.activate(queue)
    queue.thread.join()
    assert queue.instruction == "bowl"
    assert announced == ["mug", "bowl"]


def test_one_that_comes_while_the_node_deactivates_is_not_announced_after_its_end(announced):
    inputs = PersistentInputs("mug", announced.append)
    queue = Interrupted(lambda: inputs.deactivate())
    inputs.activate(queue)
    queue.thread.join()
    assert announced == ["mug", ""]
    assert inputs.queue is None


def test_instruction_and_camera_info_reach_the_next_activation_and_the_newest_hold(announced):
    inputs = PersistentInputs("mug", announced.append)
    inputs.set_info("of the old camera")
    assert inputs.deactivate() is None
    first, second = (JobQueue(Counters(), NodeSettings) for _ in range(2))
    inputs.activate(first)
    assert first.frames.has_info
    assert inputs.deactivate() is first
    inputs.set_info("of the new camera")
    inputs.set_instruction("bowl")
    inputs.activate(second)
    image = message(1)
    second.store_image(image)
    second.store_pair(image, message(1))
    job = second.next_job()
    assert job is not None
    assert job.messages is not None
    assert (job.instruction, job.messages.info) == ("bowl", "of the new camera")
    assert announced == ["mug", "", "bowl"]


def test_a_prompt_stands_in_for_the_instruction_until_that_is_set_or_the_prompt_is_dropped(announced):
    inputs = PersistentInputs("mug", announced.append)
    first, second = PromptRequest(((1, 2),)), PromptRequest(((3, 4),))
    assert not inputs.set_prompt(first)
    queue = JobQueue(Counters(), NodeSettings)
    inputs.activate(queue)
    assert (queue.instruction, queue.prompt) == ("mug", None)
    assert inputs.set_prompt(first)
    assert inputs.set_prompt(second)
    inputs.drop_prompt(first)  # which is not the one any more
    assert (queue.instruction, queue.prompt) == ("object at 3,4", second)
    inputs.drop_prompt(second)
    assert (queue.instruction, queue.prompt) == ("mug", None)
    inputs.set_prompt(first)
    inputs.set_instruction("bowl")
    assert (queue.instruction, queue.prompt) == ("bowl", None)
    assert announced == ["mug", "object at 1,2", "object at 3,4", "mug", "object at 1,2", "bowl"]


def test_a_prompt_ends_with_the_activation(announced):
    inputs = PersistentInputs("mug", announced.append)
    inputs.activate(JobQueue(Counters(), NodeSettings))
    inputs.set_prompt(PromptRequest(((1, 2),)))
    inputs.deactivate()
    queue = JobQueue(Counters(), NodeSettings)
    inputs.activate(queue)
    assert (queue.instruction, queue.prompt) == ("mug", None)


def test_without_depth_a_camera_info_is_not_used():
    queue = JobQueue(Counters(), lambda: NodeSettings(use_depth=False))
    queue.store_info("of an uncalibrated camera")
    assert not queue.frames.has_info


def test_named_instructions_and_the_switch_outlive_an_activation(announced):
    inputs = PersistentInputs("", announced.append)
    inputs.set_named("cups", "all cups")
    inputs.set_enabled(False)
    queue = JobQueue(Counters(), NodeSettings)
    inputs.activate(queue)
    assert (queue.named, queue.enabled, announced) == ((("cups", "all cups"),), False, [])
    inputs.set_named("cups", "")
    assert (queue.named, inputs.named) == ((), {})


def test_named_instructions_are_limited():
    inputs = PersistentInputs("", lambda _text: None)
    for number in range(MAX_NAMED):
        inputs.set_named(f"n{number}", "mug")
    with pytest.raises(InvalidInputError, match="remove one"):
        inputs.set_named("more", "mug")
    inputs.set_named("n0", "bowl")  # replaced
    for name in ("", "a b", "a/b", "x" * 65):
        with pytest.raises(InvalidInputError, match="no name"):
            inputs.set_named(name, "mug")
