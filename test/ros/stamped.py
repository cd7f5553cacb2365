"""Messages of which only the stamp matters."""

from __future__ import annotations

from types import SimpleNamespace


def message(seconds: float):
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=whole, nanosec=rest)))
