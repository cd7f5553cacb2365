"""The check of one mask by a chat model, in a conversation of its own."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.agent.drawing import outlined, zoomed
from instructsam_ros.agent.prompts import CHECKER, REPEATED_VERDICT
from instructsam_ros.agent.trace import Trace
from instructsam_ros.errors import ChatError
from instructsam_ros.models.vlm.budget import Spending
from instructsam_ros.models.vlm.chat import ChatModel, Message
from instructsam_ros.segmenter import Cancel

_VERDICT = re.compile(r"<verdict>\s*(accept|reject)\w*\W*?\s*(?:</verdict>|\Z)", re.IGNORECASE)
_BARE = re.compile(r"\W*(accept|reject)(?:ed)?\W*", re.IGNORECASE)


def read_verdict(text: str) -> bool | None:
    """Return whether a reply accepts; None if it says neither. The last verdict counts."""
    verdicts = _VERDICT.findall(text)
    if not verdicts and (bare := _BARE.fullmatch(text)):
        verdicts = [bare[1]]
    return verdicts[-1].lower() == "accept" if verdicts else None


def accepts(
    chat: ChatModel,
    rgb: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    instruction: str,
    *,
    retries: int,
    spending: Spending,
    trace: Trace,
    cancel: Cancel | None,
) -> bool:
    """Ask whether a mask, bool [H, W] of rgb uint8 [H, W, 3], belongs to the answer.

    retries: further questions after a reply without a verdict. Raises ChatError when these do not help, and
    what ``chat`` raises.
    """
    pictures = (rgb, outlined(rgb, mask), zoomed(rgb, mask))
    messages = [Message("system", CHECKER), Message("user", f"The query: {instruction!r}.", pictures)]
    for _ in range(retries + 1):
        reply = chat.complete(messages, spending=spending, cancel=cancel)
        trace.add("check", messages, reply)
        verdict = read_verdict(reply.text)
        if verdict is not None:
            return verdict
        messages += [Message("assistant", reply.text or "..."), Message("user", REPEATED_VERDICT)]
    raise ChatError(f"{chat.name} gave no verdict about a mask in {retries + 1} replies")
