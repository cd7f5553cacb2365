"""Looking into a model while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def inputs_of(module: nn.Module) -> Iterator[list[tuple[Any, ...]]]:
    """The positional inputs of every call of ``module`` while the context lasts."""
    calls: list[tuple[Any, ...]] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: calls.append(inputs))
    try:
        yield calls
    finally:
        handle.remove()
