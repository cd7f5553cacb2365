"""How often failures are told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros import logs
from instructsam_ros.ros.errors import InvalidInstructionError, StaleError
from instructsam_ros.ros.logs import FailureLog
from test.ros.clock import stopped_clock

SECONDS = 5.0


@pytest.fixture
def clock(monkeypatch):
    """The log's time; ``clock.now`` sets it."""
    return stopped_clock(monkeypatch, logs)


@pytest.fixture
def told(clock):
    """A function that tells failures and returns what came in the log."""

    def tell(*errors):
        texts.clear()
        for error in errors:
            log.tell(error)
        return texts

    texts: list[str] = []
    log = FailureLog(SimpleNamespace(error=texts.append), SECONDS)
    return tell


def test_a_refused_instruction_is_told_in_the_midst_of_a_repeating_error(told):
    camera = InvalidInputError("the image is empty: 0x0")
    refused = InvalidInstructionError("the instruction is empty")
    assert told(camera, camera, refused, camera) == [
        "InvalidInputError: the image is empty: 0x0",
        "InvalidInstructionError: the instruction is empty",
    ]


def test_refusals_of_two_instructions_are_both_told(told):
    long, longer = (InvalidInstructionError(f"the instruction has {n} characters") for n in (2001, 3000))
    assert len(told(long, longer)) == 2
    assert told(long, longer) == []


def test_the_same_is_told_again_after_a_while(told, clock):
    error = InvalidInputError("the image is empty: 0x0")
    assert len(told(error)) == 1
    clock.now += SECONDS - 1
    assert told(error) == []
    clock.now += 1
    assert len(told(error)) == 1


def test_other_numbers_are_no_other_failure(told):
    assert len(told(*(StaleError(f"an answer came {k}.{k} s after its image") for k in range(9)))) == 1
