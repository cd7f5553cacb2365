"""A value is made once, whoever makes it, and a failure is not kept."""

from __future__ import annotations

import pytest

from instructsam_ros.models.instructsam.once import Once


def test_a_value_is_made_once_and_when_asked_for() -> None:
    made: list[int] = []
    once = Once(lambda: made.append(7) or made[-1])
    assert once.made is None
    assert (once(), once(), once.made, made) == (7, 7, 7, [7])


def test_what_is_offered_first_stays() -> None:
    once = Once(lambda: 1)
    once.offer(2)
    once.offer(3)
    assert (once(), once.made) == (2, 2)


def test_a_failure_reaches_the_caller_and_is_tried_again() -> None:
    results = iter([ValueError("not yet"), 5])

    def make() -> int:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return result

    once = Once(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert (once.made, once()) == (None, 5)
