"""Time that stands still until a test moves it."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest


def stopped_clock(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> SimpleNamespace:
    """What ``module`` takes for time.monotonic(); ``now`` of the result sets it, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock
