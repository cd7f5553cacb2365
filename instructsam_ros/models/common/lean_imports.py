"""Import of transformers without what only other programs need of it.

transformers imports torch's compiler, for decorators that say what not to compile, and tensors that are
sharded over processes, with sympy behind both: a third of the time until a process has its first answer.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from instructsam_ros.process_defaults import LEAN_IMPORTS

_COMPILER = "torch._dynamo"
_IN_MASKS = f"{_COMPILER}._trace_wrapped_higher_order_op"
_MODELS = ("transformers.models.sam3.modeling_sam3", "transformers.models.qwen3_vl.modeling_qwen3_vl")


def import_transformers() -> None:
    """Import what the models take from transformers without torch's compiler and sharding.

    Only where the environment variable INSTRUCTSAM_IMPORTS is ``lean``; else, and where transformers or the
    compiler has been imported already or the process is one of several (WORLD_SIZE), this does nothing. The
    compiler can be used afterwards; transformers cannot shard a model.
    """
    several = "WORLD_SIZE" in os.environ
    if os.environ.get(LEAN_IMPORTS) != "lean" or several or {_COMPILER, "transformers"} & set(sys.modules):
        return
    with _without_sharding(), _without_compiler():
        for name in _MODELS:
            importlib.import_module(name)


@contextmanager
def _without_sharding() -> Iterator[None]:
    """Hide torch.distributed, whose sharded tensors transformers imports where it is available."""
    is_available = torch.distributed.is_available
    torch.distributed.is_available = lambda: False
    try:
        yield
    finally:
        torch.distributed.is_available = is_available


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Put a stand-in in the place of the compiler; whatever it lacks brings in the compiler itself."""
    in_masks = _StandIn(_IN_MASKS)
    in_masks.TransformGetItemToIndex = _transform_get_item_to_index
    sys.modules.update({_COMPILER: _StandIn(_COMPILER), _IN_MASKS: in_masks})
    try:
        yield
    finally:
        _take_out()


def _take_out() -> None:
    for name in (_COMPILER, _IN_MASKS):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


class _StandIn(ModuleType):
    """Decorators of the compiler that leave a function as it is, for functions that ours never call."""

    @staticmethod
    def disable(function: Any = None, *_options: Any, **_more_options: Any) -> Any:
        return _same if function is None else function

    @staticmethod
    def allow_in_graph(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    assume_constant_result = allow_in_graph
    TransformGetItemToIndex: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and (self.__name__, name) != (_COMPILER, "__path__"):
            raise AttributeError(name)  # asked for by the import itself; with a path it finds other parts
        _take_out()
        return getattr(importlib.import_module(self.__name__), name)


def _same(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _transform_get_item_to_index() -> Any:
    """Make the context of this name, in which transformers computes masks of its callers' own functions."""
    return importlib.import_module(_IN_MASKS).TransformGetItemToIndex()
