"""Messages, tools and replies of a chat, and the interface of what answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.models.vlm.budget import Spending
from instructsam_ros.segmenter import Cancel


@dataclass(frozen=True)
class Tool:
    """A function that the model may call. parameters: JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: MappingProxyType({"type": "object", "properties": {}})
    )


@dataclass(frozen=True)
class ToolCall:
    """A call that the model made; ``id`` connects it with the message that answers it."""

    name: str
    arguments: Mapping[str, Any]
    id: str


@dataclass(frozen=True, eq=False)
class Message:
    """One message. pictures: uint8 [H, W, 3] RGB, only of the user.

    call: of the assistant, the call that it made; of a tool, the call that it answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    pictures: tuple[NDArray[np.uint8], ...] = ()
    call: ToolCall | None = None


@dataclass(frozen=True)
class Reply:
    """What a model answered. text: without thoughts and without calls. calls: those of the right form.

    errors: why further calls could not be read. cut_off: the reply reached the limit of its length.
    tokens: of request and reply together; reply_tokens: of the reply alone.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    errors: tuple[str, ...] = ()
    cut_off: bool = False
    tokens: int = 0
    reply_tokens: int = 0


@runtime_checkable
class ChatModel(Protocol):
    """A model that answers messages. Objects hold no state between calls; threads may share them."""

    @property
    def name(self) -> str:
        """Name in logs and traces."""

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        spending: Spending | None = None,
        cancel: Cancel | None = None,
    ) -> Reply:
        """Answer the messages, with calls of ``tools`` where there are some.

        spending: every attempt is counted in it. cancel: polled while waiting. Raises ChatError for a
        model that fails, BudgetError when the budget is used up, CancelledError.
        """
