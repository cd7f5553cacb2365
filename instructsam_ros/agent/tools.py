"""The four tools of the agent, and the reading of their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.vlm.chat import Tool
from instructsam_ros.types import check_instruction

SEGMENT, EXAMINE, SELECT, NONE = (
    "segment_phrase",
    "examine_each_mask",
    "select_masks_and_return",
    "report_no_mask",
)
MAX_PHRASE_CHARS = 200


class ToolUseError(Exception):
    """A call that cannot be carried out; its text is the answer to the model."""


def _schema(name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name]}


TOOLS = (
    Tool(
        SEGMENT,
        "Find all instances of a short, simple noun phrase, such as 'red mug'. No relations, counts, text "
        "to be read or comparisons. Masks of earlier calls are deleted. No phrase is searched twice.",
        _schema("text_prompt", {"type": "string"}),
    ),
    Tool(EXAMINE, "Have each mask of the newest picture checked on its own; what is rejected is deleted."),
    Tool(
        SELECT,
        "Finish: return the masks that answer the query, by their numbers in the newest picture.",
        _schema("final_answer_masks", {"type": "array", "items": {"type": "integer"}}),
    ),
    Tool(NONE, "Finish: nothing in the picture answers the query. Only after several phrases found nothing."),
)


def read_phrase(arguments: Mapping[str, Any], used: tuple[str, ...]) -> str:
    """Return the phrase of a call of segment_phrase. Raises ToolUseError for unusable or used phrases."""
    phrase = _only(arguments, SEGMENT, "text_prompt")
    try:
        phrase = " ".join(check_instruction(phrase).split())
    except InvalidInputError as error:
        raise ToolUseError(f"text_prompt: {error}") from None
    if len(phrase) > MAX_PHRASE_CHARS:
        raise ToolUseError(f"text_prompt has {len(phrase)} characters; give a short noun phrase")
    if phrase.lower() in (old.lower() for old in used):
        raise ToolUseError(f"{phrase!r} was searched already; used so far: {', '.join(map(repr, used))}")
    return phrase


def read_numbers(arguments: Mapping[str, Any], count: int) -> list[int]:
    """Return the different numbers of a call of select_masks_and_return, sorted.

    count: of the masks that are there. Raises ToolUseError for anything else than their numbers.
    """
    numbers = _only(arguments, SELECT, "final_answer_masks")
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise ToolUseError("final_answer_masks must be a list of whole numbers, such as [1, 3]")
    if not numbers:
        raise ToolUseError(f"final_answer_masks is empty; if nothing answers the query, call {NONE}")
    if wrong := sorted({number for number in numbers if not 1 <= number <= count}):
        raise ToolUseError(f"there is no mask {', '.join(map(str, wrong))}; there are masks 1 to {count}")
    return sorted(set(numbers))


def read_nothing(arguments: Mapping[str, Any], tool: str) -> None:
    """Raise ToolUseError for arguments of a tool that takes none."""
    if arguments:
        raise ToolUseError(f"{tool} takes no arguments, got {', '.join(map(str, arguments))}")


def _only(arguments: Mapping[str, Any], tool: str, name: str) -> Any:
    if set(arguments) != {name}:
        raise ToolUseError(f"{tool} takes {name} alone, got {', '.join(map(str, arguments)) or 'nothing'}")
    return arguments[name]
