"""Rendering with MuJoCo: Filament (PBR on software Vulkan) for colour, classic GL for depth and ids."""

from __future__ import annotations

import os

from instructsam_ros.errors import MissingDependencyError

os.environ.setdefault("MUJOCO_GL", "egl")  # no window; must be set before MuJoCo is imported

try:
    import mujoco  # noqa: F401
except ImportError as error:
    raise MissingDependencyError(
        f"rendering scenes needs MuJoCo ({error}); install it with: pip install 'instructsam-ros[scenes]'"
    ) from error
