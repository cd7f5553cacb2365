"""The chat format of OpenAI, which most servers speak: messages to JSON, JSON to replies."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.models.vlm.chat import Message, Reply, Tool, ToolCall
from instructsam_ros.models.vlm.replies import add_call, read_calls, without_thoughts

JPEG_QUALITY = 95
CHARS_PER_TOKEN, TOKENS_PER_PICTURE = 4, 1500
"""For servers that do not tell how many tokens they used; rather too many than too few."""


def data_url(picture: NDArray[np.uint8], max_side: int) -> str:
    """Encode uint8 [H, W, 3] RGB as a data URL of a JPEG, whose sides are at most ``max_side`` pixels."""
    bgr = cv2.cvtColor(shrunk(picture, max_side), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def shrunk(picture: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """Return a picture uint8 [H, W, 3] whose sides are at most ``max_side`` pixels."""
    height, width = picture.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized: NDArray[np.uint8] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return resized


def message_json(message: Message, max_side: int) -> dict[str, Any]:
    """Write one message in the format of requests."""
    content: Any = message.text
    if message.pictures:
        pictures = ({"url": data_url(picture, max_side), "detail": "high"} for picture in message.pictures)
        content = [{"type": "image_url", "image_url": picture} for picture in pictures]
        content.append({"type": "text", "text": message.text})
    data: dict[str, Any] = {"role": message.role, "content": content}
    if message.call is not None and message.role == "tool":
        data["tool_call_id"] = message.call.id
    elif message.call is not None:
        function = {"name": message.call.name, "arguments": json.dumps(dict(message.call.arguments))}
        data["tool_calls"] = [{"id": message.call.id, "type": "function", "function": function}]
    return data


def tool_json(tool: Tool) -> dict[str, Any]:
    """Write one tool in the format of requests and of chat templates."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def read_reply(data: Any, messages: Sequence[Message]) -> Reply:
    """Read the body of a response. messages: of its request, to estimate tokens that it does not tell.

    Raises ValueError for a body that holds no reply.
    """
    try:
        choice = data["choices"][0]
        message = choice["message"]
        content = message.get("content") or ""
        native = message.get("tool_calls") or []
        if not isinstance(native, list):
            raise TypeError
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content)
        text, calls, errors = read_calls(without_thoughts(content))
    except (KeyError, IndexError, TypeError, AttributeError):
        problem = data.get("error") if isinstance(data, dict) else None
        raise ValueError(f"a response without a reply{f': {problem}' if problem else ''}") from None
    for call in native:
        function = call.get("function") if isinstance(call, dict) else None
        function = function if isinstance(function, dict) else {}
        add_call(function.get("name"), function.get("arguments"), call_id(call), calls, errors)
    cut_off = choice.get("finish_reason") == "length"
    tokens = _tokens(data, messages, content, calls)
    written = _usage(data, "completion_tokens") or len(content) // CHARS_PER_TOKEN + 1
    return Reply(text, tuple(calls), tuple(errors), cut_off, tokens, min(tokens, written))


def call_id(call: Any) -> Any:
    """Return the id of a call as a server wrote it, None for something else than an object."""
    return call.get("id") if isinstance(call, dict) else None


def _tokens(data: Any, messages: Sequence[Message], content: str, calls: Sequence[ToolCall]) -> int:
    if total := _usage(data, "total_tokens"):
        return total
    chars = sum(len(message.text) for message in messages) + len(content)
    chars += sum(len(str(call.arguments)) for call in calls)
    pictures = sum(len(message.pictures) for message in messages)
    return chars // CHARS_PER_TOKEN + TOKENS_PER_PICTURE * pictures + 1


def _usage(data: Any, key: str) -> int:
    """A count that the server tells, 0 where it does not."""
    usage = data.get("usage")
    count = usage.get(key) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
