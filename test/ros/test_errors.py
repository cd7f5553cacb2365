"""Error codes for clients, counters, and exceptions of any kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from instructsam_ros.action import Segment
from instructsam_ros.errors import CancelledError, CheckpointError, InstructSamError, InvalidInputError
from instructsam_ros.ros import errors
from instructsam_ros.ros.errors import as_exception, counter_name, error_code
from instructsam_ros.srv import SegmentOnce

CODES = [
    (errors.InvalidInstructionError("empty"), "INVALID_INSTRUCTION", "invalid_instruction"),
    (errors.NoFrameError(), "NO_FRAME", "no_frame"),
    (errors.PromptError("behind the camera"), "INVALID_INPUT", "invalid_prompt"),
    (InvalidInputError("8 channels"), "INVALID_INPUT", "invalid_input"),
    (errors.TransformError("no tf"), "TRANSFORM", "transform_failed"),
    (errors.TimeBudgetError("1 s"), "TIMEOUT", "timed_out"),
    (errors.NotActiveError("inactive"), "NOT_ACTIVE", "not_active"),
    (CancelledError("by the client"), "CANCELLED", "cancelled"),
    (errors.BusyError("10 requests"), "BUSY", "refused"),
    (CheckpointError("weights"), "INTERNAL", "internal_error"),
    (ZeroDivisionError(), "INTERNAL", "internal_error"),
]


@pytest.mark.parametrize(("error", "constant", "counter"), CODES, ids=lambda value: str(value)[:20])
def test_codes_are_those_of_service_and_action(error, constant, counter):
    code = error_code(error)
    if constant != "CANCELLED":  # a service call cannot be cancelled
        assert code == getattr(SegmentOnce.Response, f"ERROR_{constant}")
    assert code == getattr(Segment.Result, f"ERROR_{constant}")
    assert counter_name(error) == counter


def test_a_stale_result_is_counted_on_its_own():
    assert counter_name(errors.StaleError("2 s")) == "stale"


def test_an_exception_is_kept():
    error = InvalidInputError("8 channels")
    assert as_exception(error) is error


def test_what_is_no_exception_becomes_one_with_its_cause():
    ended = SystemExit(3)
    error = as_exception(ended)
    assert isinstance(error, InstructSamError)
    assert str(error) == "SystemExit: 3"
    assert error.__cause__ is ended


def test_the_status_of_failed_requests_is_that_of_the_message():
    text = (Path(__file__).parents[2] / "msg/InstanceArray.msg").read_text()
    assert f"uint8 STATUS_ERROR={errors.STATUS_ERROR} " in text
