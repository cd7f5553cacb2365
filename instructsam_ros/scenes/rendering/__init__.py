"""Rendering with MuJoCo: Filament (PBR on software Vulkan) for colour, classic GL for depth and ids."""

from __future__ import annotations

import os

from instructsam_ros.errors import MissingDependencyError

os.environ.setdefault("MUJOCO_GL", "egl")  # no window; must be set before MuJoCo is imported

try:
    import mujoco  # noqa: F401
except (RuntimeError, AttributeError) as error:  # an unknown platform; one whose library is missing
    raise MissingDependencyError(
        f"MuJoCo finds no OpenGL with MUJOCO_GL={os.environ['MUJOCO_GL']} ({error}); set it to egl or osmesa "
        "and install that library (on Debian libegl1 or libosmesa6)"
    ) from error
except ImportError as error:
    raise MissingDependencyError(
        f"rendering scenes needs MuJoCo ({error}); install it with: pip install 'instructsam-ros[scenes]'"
    ) from error
