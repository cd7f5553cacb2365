"""Statuses in /diagnostics, without a node."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros import diagnostics
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.diagnostics import RECENT_SECONDS, Health, diagnostic_array
from instructsam_ros.ros.errors import InvalidInstructionError, counter_name
from instructsam_ros.ros.input.job_queue import JobQueue
from instructsam_ros.ros.parameters import NodeSettings
from test.ros.clock import stopped_clock
from test.ros.stamped import message

NODE = SimpleNamespace(
    get_fully_qualified_name=lambda: "/left/segment_node",
    get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time)),
)


class Reports:
    """An active node's diagnostics."""

    def __init__(self) -> None:
        self.counters, self.health = Counters(), Health(state="active")
        self.queue = JobQueue(self.counters, NodeSettings)

    def fail(self, error: Exception) -> None:
        self.counters.add(counter_name(error))
        self.health.note(error)

    def node(self) -> tuple[bytes, str]:
        """Level and message of the node in the next report."""
        array = diagnostic_array(NODE, self.health, self.counters, NodeSettings(), self.queue, None)
        return array.status[0].level, array.status[0].message


@pytest.fixture
def clock(monkeypatch):
    """The time of the reports; ``clock.now`` sets it."""
    return stopped_clock(monkeypatch, diagnostics)


@pytest.fixture
def reports(clock):
    return Reports()


def test_a_missing_instruction_is_reported_while_a_camera_runs(reports):
    assert reports.node() == (DiagnosticStatus.OK, "active")
    reports.queue.store_image(message(1))
    level, said = reports.node()
    assert level == DiagnosticStatus.OK
    assert "waits for an instruction" in said
    reports.queue.set_instruction("mug")
    assert reports.node() == (DiagnosticStatus.OK, "active")


def test_where_every_frame_fails_the_node_is_in_error_until_one_is_answered(reports, clock):
    bad = InvalidInputError("depth is 80x60 but the image is 160x120")
    reports.fail(bad)
    assert reports.node() == (DiagnosticStatus.ERROR, f"InvalidInputError: {bad}")
    clock.now += 1  # a slow model has nothing new to report
    assert reports.node()[0] == DiagnosticStatus.ERROR
    reports.fail(bad)
    reports.counters.add("processed")
    assert reports.node()[0] == DiagnosticStatus.WARN
    reports.fail(bad)
    assert reports.node()[0] == DiagnosticStatus.ERROR
    clock.now += RECENT_SECONDS
    assert reports.node()[0] == DiagnosticStatus.OK


def test_a_refused_instruction_is_a_warning(reports):
    reports.fail(InvalidInstructionError("the instruction is empty"))
    assert reports.node() == (
        DiagnosticStatus.WARN,
        "InvalidInstructionError: the instruction is empty",
    )
