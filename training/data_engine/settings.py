"""Settings that both data engines share: the language model, its prices, and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from instructsam_ros.models.vlm.chat import ChatModel
from instructsam_ros.models.vlm.server import ServerChat, ServerSettings
from instructsam_ros.yaml_config import check_range


@dataclass(frozen=True)
class VlmSettings:
    """One of both. server: speaks OpenAI's chat format. local: folder or hub id of a Qwen3-VL."""

    server: ServerSettings | None = None
    local: str = ""
    device: str = "auto"

    def __post_init__(self) -> None:
        if (self.server is None) == (not self.local):
            raise ValueError("name a server or a local model, and not both")

    @property
    def max_tokens(self) -> int:
        """The longest reply."""
        return self.server.max_tokens if self.server else 4096

    @property
    def identity(self) -> str:
        """What replies depend on beside the messages; part of the key of a cached reply."""
        if self.server is None:
            return self.local
        return f"{self.server.model} {sorted(self.server.request.items())}"

    def load(self) -> ChatModel:
        """Load the model. Raises CheckpointError for unusable local weights."""
        if self.server is not None:
            return ServerChat(self.server)
        from instructsam_ros.models.vlm.local import load_local

        return load_local(self.local, self.device)


@dataclass(frozen=True)
class Usage:
    """calls: attempts, also those without an answer. tokens: of requests and replies. money: their price."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.calls + other.calls, self.tokens + other.tokens, self.money + other.money)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.calls - other.calls, self.tokens - other.tokens, self.money - other.money)


@dataclass(frozen=True)
class Prices:
    """Money for a million tokens, in any currency. request: of prompts and pictures. reply: of answers."""

    request: float = 0.0
    reply: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "request", "reply")

    def cost(self, request_tokens: int, reply_tokens: int) -> float:
        """The price of a call."""
        return (request_tokens * self.request + reply_tokens * self.reply) / 1e6


@dataclass(frozen=True)
class Limits:
    """calls, tokens, money: the most that all runs into one folder use together; repeated attempts count.
    calls_per_minute: of the beginning of calls. parallel: calls that are under way at the same time. replies:
    to one question until one is of the right form; then the item is parked.
    """

    calls: int = 100_000
    tokens: int = 1_000_000_000
    money: float = 10.0
    calls_per_minute: float = 600.0
    parallel: int = 4
    replies: int = 3

    def __post_init__(self) -> None:
        check_range(self, 1, math.inf, "calls", "tokens", "parallel", "replies")
        check_range(self, 0, math.inf, "money")
        if not 0 < self.calls_per_minute < math.inf:
            raise ValueError(f"calls_per_minute must be above 0, got {self.calls_per_minute}")

    def share(self, workers: int, spent: Usage) -> Limits:
        """The limits of one of several workers that do not know of each other, and each of ``spent``."""
        return Limits(
            spent.calls + max(1, (self.calls - spent.calls) // workers),
            spent.tokens + max(1, (self.tokens - spent.tokens) // workers),
            spent.money + (self.money - spent.money) / workers,
            self.calls_per_minute / workers,
            1,
            self.replies,
        )
