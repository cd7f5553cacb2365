"""A chat model that works with another backend: it asks for phrases, looks at the masks, and chooses.

For instructions that need more understanding than the segmenter has. Every answer costs several calls of the
chat model, so it is for single pictures and requests rather than for streams.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros import segmenter as registry
from instructsam_ros.agent.episode import Episode
from instructsam_ros.agent.trace import Trace
from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import ChatModel
from instructsam_ros.models.vlm.server import ServerChat, ServerSettings
from instructsam_ros.segmenter import Cancel, Segmenter, raise_if_cancelled
from instructsam_ros.types import Segmentation, Status, check_instruction, check_rgb
from instructsam_ros.yaml_config import build

DEFAULT_SEGMENTER: Mapping[str, Any] = MappingProxyType({"model": "compact"})


@dataclass(frozen=True, eq=False)
class AgentFeatures:
    """A picture uint8 [H, W, 3], its features by the segmenter below, and the seconds of encoding."""

    rgb: NDArray[np.uint8]
    features: Any
    seconds: float


@dataclass(frozen=True, eq=False)
class AgentSegmentation(Segmentation):
    """A Segmentation with what it took: ``searched`` phrases, calls (all attempts), and tokens."""

    searched: tuple[str, ...] = ()
    calls: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class AgentSegmenter:
    """Segmenter around a chat model and a segmenter; see ``load`` for the settings."""

    chat: ChatModel
    segmenter: Segmenter
    budget: Budget
    retries: int = 3
    trace: Path | None = None
    name: str = "agent"

    def encode(self, rgb: NDArray[np.uint8]) -> AgentFeatures:
        """Encode a uint8 [H, W, 3] image by the segmenter below."""
        check_rgb(rgb)
        start = time.perf_counter()
        features = self.segmenter.encode(rgb)
        return AgentFeatures(rgb.copy(), features, time.perf_counter() - start)

    def segment(
        self,
        features: AgentFeatures,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> AgentSegmentation:
        """Answer an instruction; see Segmenter.segment. ``previous`` saves nothing.

        Raises ChatError and BudgetError besides.
        """
        instruction = check_instruction(instruction)
        raise_if_cancelled(cancel)
        start, searching = time.perf_counter(), 0.0

        def find(phrase: str) -> Segmentation:
            nonlocal searching
            begin = time.perf_counter()
            found = self.segmenter.segment(features.features, phrase, cancel=cancel)
            searching += time.perf_counter() - begin
            return found

        spending, trace = Spending(self.budget), Trace(self.trace, instruction)
        episode = Episode(
            self.chat,
            find,
            features.rgb,
            instruction,
            spending=spending,
            trace=trace,
            retries=self.retries,
            cancel=cancel,
        )
        try:
            outcome = episode.run()
        except InstructSamError as error:
            trace.finish(
                error=f"{type(error).__name__}: {error}", calls=spending.calls, tokens=spending.tokens
            )
            raise
        instances = outcome.instances
        status = (
            Status.NO_TARGET if not instances else Status.OK if outcome.complete else Status.MAX_INSTANCES
        )
        trace.finish(
            status=status.name,
            boxes=[instance.box.tolist() for instance in instances],
            calls=spending.calls,
            tokens=spending.tokens,
        )
        seconds = {
            "encode": features.seconds,
            "search": searching,
            "chat": time.perf_counter() - start - searching,
        }
        return AgentSegmentation(
            instances,
            instances[0].phrase if instances else "nothing",
            status,
            MappingProxyType(seconds),
            searched=outcome.phrases,
            calls=spending.calls,
            tokens=spending.tokens,
        )

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> AgentSegmentation:
        """``segment(encode(rgb), instruction)``."""
        return self.segment(self.encode(rgb), instruction)


def load(
    model: str,
    device: str,
    *,
    url: str = "",
    segmenter: Mapping[str, Any] = DEFAULT_SEGMENTER,
    chat: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
    retries: int = 3,
    trace: str | Path | None = None,
) -> AgentSegmenter:
    """Load the agent.

    model: the chat model: its name on the server at ``url`` (with the version, http://localhost:8000/v1), or
    without a url a Qwen3-VL as folder or hub id. device: of the models in this process. segmenter:
    arguments of ``segmenter.load`` for the backend that finds phrases, which must be one of the registry.
    chat: further ServerSettings, or options of ``load_local``. budget: fields of Budget for one answer;
    attempts and checks count as calls. retries: unusable replies in a row that are answered. trace: folder
    that gets a record of every answer. Raises ConfigError for unusable options and what the parts raise.
    """
    if type(retries) is not int or not 0 <= retries <= 100:
        raise ConfigError(f"retries must be a whole number in 0..100, got {retries!r}")
    limits = build(Budget, budget or {}, "budget")
    if not isinstance(segmenter, Mapping) or not isinstance(chat or {}, Mapping):
        raise ConfigError("segmenter and chat must be mappings, e.g. {model: compact}")
    below = {"device": device, **segmenter}
    # Not module:function: options of a node can come from its peers, who must not have code imported.
    if (key := below.get("backend", "")) == "agent" or (key and key not in registry.BACKENDS):
        known = ", ".join(sorted(registry.BACKENDS.keys() - {"agent"}))
        raise ConfigError(f"the agent cannot use the backend {key!r}; known: {known}")
    if trace is not None and not isinstance(trace, str | Path):
        raise ConfigError(f"trace must be the path of a folder, got {trace!r}")
    if url:
        settings = build(ServerSettings, {**(chat or {}), "url": url, "model": model}, "chat")
        talker: ChatModel = ServerChat(settings)
    else:
        talker = _local(model, device, chat or {})
    return AgentSegmenter(
        talker, registry.load(**below), limits, retries, None if trace is None else Path(trace)
    )


def _local(model: str, device: str, options: Mapping[str, Any]) -> ChatModel:
    from instructsam_ros.models.vlm.local import load_local  # with torch, which a server does not need

    try:
        inspect.signature(load_local).bind(model, device, **options)
    except TypeError as error:
        raise ConfigError(f"chat: {error}") from None
    return load_local(model, device, **options)
