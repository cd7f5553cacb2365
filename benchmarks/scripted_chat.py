"""A chat model for the agent that understands nothing: it takes all that the segmenter below finds."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from instructsam_ros.agent.tools import NONE, SEGMENT, SELECT
from instructsam_ros.models.vlm.budget import Spending
from instructsam_ros.models.vlm.chat import Message, Reply, Tool, ToolCall
from instructsam_ros.segmenter import Cancel

QUERY = re.compile(r"^The query about this picture: (.*?)\.( Phrases searched so far: .*)?$", re.DOTALL)
FOUND = re.compile(r"numbered from 1 to (\d+)\.")


@dataclass(frozen=True)
class TakesAll:
    """Searches for the instruction as it stands and selects every mask."""

    name: str = "takes all"

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        spending: Spending | None = None,
        cancel: Cancel | None = None,
    ) -> Reply:
        """See ChatModel.complete."""
        if spending is not None:
            spending.begin_call()
        query = QUERY.match(messages[1].text)
        if query is None:
            raise ValueError(f"no query in {messages[1].text!r}")
        numbers = [match for message in messages[2:] if (match := FOUND.search(message.text))]
        if numbers:
            count = int(numbers[-1][1])
            call = ToolCall(SELECT, {"final_answer_masks": list(range(1, count + 1))}, "1")
        elif query[2]:  # it was searched, and nothing was found
            call = ToolCall(NONE, {}, "1")
        else:
            call = ToolCall(SEGMENT, {"text_prompt": ast.literal_eval(query[1])}, "1")
        return Reply("", (call,))
