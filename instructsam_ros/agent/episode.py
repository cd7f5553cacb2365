"""One conversation: from an instruction about a picture to the masks that answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.agent import prompts
from instructsam_ros.agent.candidates import MAX_CANDIDATES, without_overlap
from instructsam_ros.agent.checker import accepts
from instructsam_ros.agent.drawing import numbered
from instructsam_ros.agent.tools import (
    EXAMINE,
    NONE,
    SEGMENT,
    SELECT,
    TOOLS,
    ToolUseError,
    read_nothing,
    read_numbers,
    read_phrase,
)
from instructsam_ros.agent.trace import Trace
from instructsam_ros.errors import ChatError, InvalidInputError
from instructsam_ros.models.vlm.budget import Spending
from instructsam_ros.models.vlm.chat import ChatModel, Message, ToolCall
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import Instance, Segmentation, Status

Find = Callable[[str], Segmentation]


@dataclass(frozen=True)
class Outcome:
    """The answer. complete: whether the last search found all that there was. phrases: all that were
    searched.
    """

    instances: tuple[Instance, ...]
    complete: bool
    phrases: tuple[str, ...]


class Episode:
    """State of one conversation.

    chat: sees the pictures and calls the tools. find: segments a phrase in the picture rgb, uint8 [H, W, 3].
    retries: unusable replies in a row that are answered with what was wrong. spending: ends the conversation.
    """

    def __init__(
        self,
        chat: ChatModel,
        find: Find,
        rgb: NDArray[np.uint8],
        instruction: str,
        *,
        spending: Spending,
        trace: Trace,
        retries: int,
        cancel: Cancel | None = None,
    ) -> None:
        self.chat, self.find, self.rgb, self.instruction = chat, find, rgb, instruction
        self.spending, self.trace, self.retries, self.cancel = spending, trace, retries, cancel
        self.phrases: tuple[str, ...] = ()
        self.candidates: list[Instance] = []
        self.complete = True
        self._system = Message("system", prompts.AGENT)
        self._query = Message("user", prompts.query(instruction, ()), (rgb,))
        self._turns: list[Message] = []
        self._tools: dict[str, Callable[[str, ToolCall], Outcome | None]] = {
            SEGMENT: self._segment,
            EXAMINE: self._examine,
            SELECT: self._select,
            NONE: self._report_nothing,
        }

    def run(self) -> Outcome:
        """Converse until the model answers.

        Raises ChatError for a model that fails or makes too many mistakes in a row, BudgetError,
        CancelledError, and what ``find`` raises.
        """
        mistakes = 0
        while True:
            raise_if_cancelled(self.cancel)
            messages = [self._system, self._query, *self._turns]
            reply = self.chat.complete(messages, TOOLS, spending=self.spending, cancel=self.cancel)
            self.trace.add("agent", messages, reply)
            if reply.calls and not reply.errors:
                call = reply.calls[0]
                try:
                    if call.name not in self._tools:
                        raise ToolUseError(
                            f"there is no tool {call.name!r}; there are {', '.join(self._tools)}"
                        )
                    outcome = self._tools[call.name](reply.text, call)
                except ToolUseError as error:
                    problem = str(error)
                    self._turns += _answered(reply.text, call, problem)
                else:
                    if outcome is not None:
                        return outcome
                    mistakes = 0
                    continue
            else:
                problem = "; ".join(reply.errors) or "the reply calls no tool"
                if reply.cut_off:
                    problem += ", and it was cut off: be brief"
                self._turns += [
                    Message("assistant", reply.text or "..."),
                    Message("user", prompts.one_tool(f"{problem}.")),
                ]
            mistakes += 1
            if mistakes > self.retries:
                raise ChatError(f"{self.chat.name} made {mistakes} mistakes in a row; the last: {problem}")

    def _segment(self, text: str, call: ToolCall) -> None:
        phrase = read_phrase(call.arguments, self.phrases)
        try:
            result = self.find(phrase)
        except InvalidInputError as error:
            raise ToolUseError(f"text_prompt: {error}") from None
        self.phrases = (*self.phrases, phrase)
        self._query = replace(self._query, text=prompts.query(self.instruction, self.phrases))
        distinct = without_overlap([replace(instance, phrase=phrase) for instance in result.instances])
        self.candidates = distinct[:MAX_CANDIDATES]
        self.complete = result.status != Status.MAX_INSTANCES and len(distinct) <= MAX_CANDIDATES
        self._turns = []  # what came before is about masks that are deleted
        if self.candidates:
            self._show(text, call, prompts.found(phrase, len(self.candidates)))
        else:
            self._turns += _answered(text, call, prompts.nothing_found(phrase, self.instruction))

    def _examine(self, text: str, call: ToolCall) -> None:
        read_nothing(call.arguments, EXAMINE)
        self._require_masks()
        kept = []
        for instance in self.candidates:
            raise_if_cancelled(self.cancel)
            if accepts(
                self.chat,
                self.rgb,
                instance.mask,
                self.instruction,
                retries=self.retries,
                spending=self.spending,
                trace=self.trace,
                cancel=self.cancel,
            ):
                kept.append(instance)
        count, self.candidates = len(self.candidates), kept
        self._turns = [turn for turn in self._turns if not turn.pictures]
        told = prompts.examined(len(kept), count, self.instruction)
        if kept:
            self._show(text, call, told)
        else:
            self._turns += _answered(text, call, told)

    def _select(self, text: str, call: ToolCall) -> Outcome:
        self._require_masks()
        numbers = read_numbers(call.arguments, len(self.candidates))
        return Outcome(tuple(self.candidates[number - 1] for number in numbers), self.complete, self.phrases)

    def _report_nothing(self, text: str, call: ToolCall) -> Outcome:
        read_nothing(call.arguments, NONE)
        return Outcome((), True, self.phrases)

    def _require_masks(self) -> None:
        if not self.candidates:
            raise ToolUseError(f"there are no masks; call {SEGMENT} first, or {NONE}")

    def _show(self, text: str, call: ToolCall, told: str) -> None:
        picture = numbered(self.rgb, [instance.mask for instance in self.candidates])
        self._turns += [*_answered(text, call, told), Message("user", prompts.NUMBERED, (picture,))]


def _answered(text: str, call: ToolCall, answer: str) -> list[Message]:
    return [Message("assistant", text, call=call), Message("tool", answer, call=call)]
