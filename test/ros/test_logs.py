"""Rate limit of logged errors."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros import logs
from instructsam_ros.ros.errors import InvalidInstructionError, StaleError
from instructsam_ros.ros.logs import ErrorLog
from test.ros.clock import stopped_clock

SECONDS = 5.0


@pytest.fixture
def clock(monkeypatch):
    """The log's time; ``clock.now`` sets it."""
    return stopped_clock(monkeypatch, logs)


@pytest.fixture
def logged(clock):
    """A function that logs errors and returns the new lines of the log."""

    def log_all(*errors):
        texts.clear()
        for error in errors:
            log.log(error)
        return texts

    texts: list[str] = []
    log = ErrorLog(SimpleNamespace(error=texts.append), SECONDS)
    return log_all


def test_a_refused_instruction_is_logged_in_the_midst_of_a_repeating_error(logged):
    camera = InvalidInputError("the image is empty: 0x0")
    refused = InvalidInstructionError("the instruction is empty")
    assert logged(camera, camera, refused, camera) == [
        "InvalidInputError: the image is empty: 0x0",
        "InvalidInstructionError: the instruction is empty",
    ]


def test_refusals_of_two_instructions_are_both_logged(logged):
    long, longer = (InvalidInstructionError(f"the instruction has {n} characters") for n in (2001, 3000))
    assert len(logged(long, longer)) == 2
    assert logged(long, longer) == []


def test_the_same_is_logged_again_after_a_while(logged, clock):
    error = InvalidInputError("the image is empty: 0x0")
    assert len(logged(error)) == 1
    clock.now += SECONDS - 1
    assert logged(error) == []
    clock.now += 1
    assert len(logged(error)) == 1


def test_other_numbers_are_no_other_failure(logged):
    assert len(logged(*(StaleError(f"an answer came {k}.{k} s after its image") for k in range(9)))) == 1
