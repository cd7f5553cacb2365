"""Reading of tool calls and thoughts from the text of a reply.

Many servers leave the calls of a model in its text, in tags that hold a JSON object, and so does a local
model. Both ``<tool_call>`` (Qwen, Hermes) and ``<tool>`` are read.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from instructsam_ros.models.vlm.chat import ToolCall

_TAG = re.compile(r"<(tool_call|tool)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"\A.*?</think>|<think>.*\Z", re.DOTALL)
SHOWN_CHARS = 200
"""Of what could not be read, in an error."""


def without_thoughts(text: str) -> str:
    """Remove what stands in think tags; the chat template may have opened the tag already."""
    return _THOUGHT.sub("", text).strip()


def read_calls(text: str) -> tuple[str, list[ToolCall], list[str]]:
    """Split a text into what is outside of tags, the calls in tags, and errors of unreadable ones."""
    calls: list[ToolCall] = []
    errors: list[str] = []
    for match in _TAG.finditer(text):
        content = match[2].strip()
        try:
            # Not json.loads: some models close one brace too many.
            data, _ = json.JSONDecoder().raw_decode(content)
        except (ValueError, RecursionError):
            errors.append(f"this tool call is not valid JSON: {content[:SHOWN_CHARS]}")
            continue
        if not isinstance(data, dict):
            errors.append(f"this tool call is no JSON object: {content[:SHOWN_CHARS]}")
            continue
        add_call(data.get("name"), data.get("arguments", data.get("parameters", {})), None, calls, errors)
    return _TAG.sub("", text).strip(), calls, errors


def add_call(name: Any, arguments: Any, id_: Any, calls: list[ToolCall], errors: list[str]) -> None:
    """Append a call of the right form to ``calls``, or else what is wrong with it to ``errors``.

    arguments: an object, or JSON text of one; nothing at all counts as no arguments.
    """
    if not isinstance(name, str) or not name:
        errors.append("a tool call without a name")
        return
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            errors.append(f"the arguments of {name} are not valid JSON: {arguments[:SHOWN_CHARS]}")
            return
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        errors.append(f"the arguments of {name} are no JSON object: {str(arguments)[:SHOWN_CHARS]}")
        return
    calls.append(ToolCall(name, arguments, id_ if isinstance(id_, str) and id_ else uuid.uuid4().hex))
