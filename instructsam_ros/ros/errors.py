"""Errors that only occur in a node, and the error codes of service and action."""

from __future__ import annotations

from typing import Any

from instructsam_ros.errors import CancelledError, InstructSamError, InvalidInputError


class InvalidInstructionError(InvalidInputError):
    """An instruction that cannot be used."""


class PromptError(InvalidInputError):
    """A click or prompt that cannot be used. prompt: the one, where it could be read."""

    def __init__(self, message: str, prompt: Any = None) -> None:
        super().__init__(message)
        self.prompt = prompt


class NoFrameError(InstructSamError):
    """No usable image arrived in time."""

    def __init__(self) -> None:
        super().__init__("no usable image arrived in time; is the camera running, and the topic right?")


class TransformError(InstructSamError):
    """The target frame cannot be reached from the camera's frame at the image's stamp."""


class TimeBudgetError(InstructSamError):
    """The time budget of a request ran out."""


class NotActiveError(InstructSamError):
    """The node is not in the lifecycle state "active"."""


class BusyError(InstructSamError):
    """Too many requests are waiting already."""


class StaleError(InstructSamError):
    """An answer of the stream came too long after its image."""


class MotionError(InstructSamError):
    """A frame of the stream is held back, as the camera moves too fast."""


# ERROR_* of srv/SegmentOnce and action/Segment, and the counter in /diagnostics; subclasses come first.
_CODES: tuple[tuple[type[Exception], int, str], ...] = (
    (InvalidInstructionError, 1, "invalid_instruction"),
    (PromptError, 3, "invalid_prompt"),  # no request gets it
    (NoFrameError, 2, "no_frame"),
    (InvalidInputError, 3, "invalid_input"),
    (TransformError, 4, "transform_failed"),
    (TimeBudgetError, 5, "timed_out"),
    (NotActiveError, 6, "not_active"),
    (CancelledError, 7, "cancelled"),
    (BusyError, 8, "refused"),
    (MotionError, 99, "in_motion"),  # no request gets it
    (StaleError, 99, "stale"),  # no request gets it
)

STATUS_ERROR = 255
"""STATUS_ERROR of msg/InstanceArray: the status in the result of a request that failed."""


def as_exception(error: BaseException) -> Exception:
    """Return an Exception for anything that was raised, so that it can be raised again in another thread.

    A panic of a library in Rust and sys.exit() in a backend raise no Exception and would end that thread.
    """
    if isinstance(error, Exception):
        return error
    stand_in = InstructSamError(f"{type(error).__name__}: {error}")
    stand_in.__cause__ = error
    return stand_in


def error_code(error: Exception) -> int:
    """Return the ERROR_* value of an error for clients."""
    return next((code for kind, code, _ in _CODES if isinstance(error, kind)), 99)


def counter_name(error: Exception) -> str:
    """Return the name of the counter of this kind of error."""
    return next((name for kind, _, name in _CODES if isinstance(error, kind)), "internal_error")
