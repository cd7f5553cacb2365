"""A stand-in for tf2_ros: frames that move along x, in a buffer that forgets as tf2's does."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

from instructsam_ros.ros.input.synchronizer import NANOSECONDS


class TransformException(Exception):  # noqa: N818 - the name that tf2_ros has
    """Raised for every transform that the buffer does not have."""


class Buffer:
    """``parents``: of each frame. ``moves``: of each frame, its metres along x in the parent by second."""

    def __init__(self, cache_time, node=None):
        self.seconds = cache_time.nanoseconds / NANOSECONDS
        self.parents: dict[str, str] = {}
        self.moves: dict[str, dict[int, float]] = {}
        self.waited: list[float] = []

    def set(self, parent: str, child: str, second: int, x: float) -> None:
        self.parents[child] = parent
        moves = self.moves.setdefault(child, {})
        moves[second] = x
        for old in [s for s in moves if s < max(moves) - self.seconds]:
            del moves[old]

    def _to_root(self, frame: str, second: int) -> tuple[str, float]:
        x = 0.0
        while frame in self.parents:
            if second not in self.moves[frame]:
                raise TransformException(f"extrapolation: {frame} at {second}")
            x += self.moves[frame][second]
            frame = self.parents[frame]
        return frame, x

    def lookup_transform(self, target, source, time, timeout):
        self.waited.append(timeout.nanoseconds / NANOSECONDS)
        second = time.nanoseconds // NANOSECONDS
        (root, x), (other, y) = self._to_root(source, second), self._to_root(target, second)
        if root != other:
            raise TransformException(f"{source} and {target} are in two trees")
        return SimpleNamespace(
            transform=SimpleNamespace(
                translation=SimpleNamespace(x=x - y, y=0.0, z=0.0),
                rotation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0),
            )
        )

    def get_latest_common_time(self, target, source):
        if source not in self.moves:
            raise TransformException(f"no {source}")
        return SimpleNamespace(nanoseconds=max(self.moves[source]) * NANOSECONDS)

    def all_frames_as_yaml(self) -> str:
        """As tf2::BufferCore::allFramesAsYAML writes it."""
        return "".join(
            f"{child}: \n  parent: '{parent}'\n  broadcaster: 'default_authority'\n  rate: 10.000\n"
            for child, parent in self.parents.items()
        )


def install(monkeypatch) -> ModuleType:
    """Put the stand-in into the place of tf2_ros."""
    module = ModuleType("tf2_ros")
    module.Buffer, module.TransformException = Buffer, TransformException
    module.TransformListener = lambda _buffer, _node, spin_thread: object()
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    return module
