"""``instructsam doctor``: what this machine has, what is missing and how to get it."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import instructsam_ros
from instructsam_ros import paths
from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros.node_main import profile_variables

MIN_PYTHON = (3, 10)
RELEASED_MODEL = "CircleRadon/InstructSAM-2B"
MIN_SHARED_MEMORY = 16 * 2**20  # bytes: a few VGA frames with depth; the default segment is 0.5 MiB
REINSTALL = "install the package again from a full checkout"


@dataclass(frozen=True)
class Check:
    """One line of the report. ``required``: the main job cannot run when this is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    required: bool = False


def check_python() -> list[Check]:
    """Check the interpreter and its environment."""
    version = platform.python_version()
    where = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return [
        Check(
            "python",
            sys.version_info >= MIN_PYTHON,
            f"{version} on {platform.machine()}, {where} ({sys.prefix})",
            f"use Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer",
            required=True,
        )
    ]


def check_packages() -> list[Check]:
    """Check the Python packages that every model needs."""
    modules = ("numpy", "cv2", "scipy", "PIL", "yaml", "safetensors", "tokenizers", "transformers")
    return [_importable(module, "pip install -r requirements.txt") for module in modules]


def check_torch() -> list[Check]:
    """Check torch and the device that it would run on."""
    found = _importable("torch", "see docs/install.md for the CPU, CUDA and Jetson builds")
    if not found.ok:
        return [found]
    import torch

    on_jetson = Path("/etc/nv_tegra_release").exists()
    if torch.cuda.is_available():
        gpu = Check("gpu", True, f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    elif on_jetson:
        gpu = Check("gpu", False, "a Jetson, but torch has no CUDA", "install NVIDIA's torch")
    elif shutil.which("nvidia-smi"):
        fix = "install the CUDA build: pip install --force-reinstall torch"
        gpu = Check("gpu", False, "an NVIDIA driver, but torch has no CUDA", fix)
    else:
        fix = "the compact model is made for this; larger models need an NVIDIA GPU"
        gpu = Check("gpu", False, f"none; torch uses {torch.get_num_threads()} CPU threads", fix)
    return [found, gpu]


def check_ros() -> list[Check]:
    """ROS 2, this package's messages, and the ROS packages that are used when they are there."""
    install = "source a ROS 2 install, or pip install -r requirements-ros.txt in a virtual environment"
    checks = [
        _importable(module, install)
        for module in ("rclpy", "sensor_msgs.msg", "visualization_msgs.msg", "diagnostic_msgs.msg")
    ]
    rebuild = "build the messages: pip install . (or colcon build, then source install/setup.bash)"
    checks.append(_importable("instructsam_ros.msg", rebuild))
    for module, use in {
        "message_filters": "else a small synchroniser of its own pairs image and depth",
        "cv_bridge": "else only the plain image encodings are read",
        "tf2_ros": "else target_frame and up_frame cannot be used",
        "vision_msgs": "else no vision_msgs topics are published",
        "launch_ros": "else there is no ros2 launch",
    }.items():
        fix = f"optional, comes with a ROS install (rosdep); {use}"
        checks.append(_importable(module, fix, required=False))
    return checks


def check_weights() -> list[Check]:
    """Check that the shipped checkpoints load, and whether the released one is in the hub cache."""
    return [
        *(_shipped_weights(name, path) for name, path in paths.SHIPPED_MODELS.items()),
        _released_weights(),
    ]


def _shipped_weights(model: str, folder: Path) -> Check:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    try:
        instructsam_ros.load(model, device="cpu")
    except (InstructSamError, ImportError, OSError) as error:
        return Check(f"{model} weights", False, str(error), REINSTALL, required=True)
    return Check(f"{model} weights", True, f"{size / 1e6:.1f} MB in {folder}, loads", required=True)


def check_transport() -> list[Check]:
    """Check whether images fit through shared memory between a camera driver and the node."""
    implementation = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if implementation != "rmw_fastrtps_cpp":
        return [Check("transport", True, f"{implementation}: the Fast DDS profile does not apply")]
    free = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else 0
    memory = Check(
        "shared memory",
        free >= 2 * MIN_SHARED_MEMORY,
        f"{free / 2**20:.0f} MiB free in /dev/shm",
        "give /dev/shm at least 256 MiB (docker run --shm-size=1g)",
    )
    try:
        shipped = paths.share("config", "fastdds.xml")
    except FileNotFoundError as error:
        return [memory, Check("transport profile", False, str(error), REINSTALL)]
    names = profile_variables()
    fix = f"before starting the camera driver: export {names[0]}={shipped}"
    set_to = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if set_to is None:
        detail = "not set in this shell; the nodes of this package apply their own, a camera driver does not"
        return [memory, Check("transport profile", False, detail, fix)]
    try:
        segment = largest_segment(Path(set_to))
    except (OSError, ElementTree.ParseError, ValueError) as error:
        return [memory, Check("transport profile", False, f"{set_to}: {error}", fix)]
    detail = f"{set_to}: shared-memory segment of {segment / 2**20:.1f} MiB"
    return [memory, Check("transport profile", segment >= MIN_SHARED_MEMORY, detail, fix)]


def largest_segment(profile: Path) -> int:
    """Read the bytes of the largest shared-memory segment in a Fast DDS profile; 0 if it sets none."""
    root = ElementTree.parse(profile).getroot()
    return max((int(node.text or 0) for node in root.iter() if node.tag.endswith("segment_size")), default=0)


CHECKS: tuple[Callable[[], list[Check]], ...] = (
    check_python,
    check_packages,
    check_torch,
    check_ros,
    check_weights,
    check_transport,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print every check; 1 when something that the main job needs is missing."""
    checks = [check for group in CHECKS for check in group()]
    if args.json:
        print(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        print(report(checks))
    return 0 if all(check.ok for check in checks if check.required) else 1


def report(checks: list[Check]) -> str:
    """Format the checks, a line each, with the remedy below what is missing."""
    width = max(len(check.name) for check in checks)
    lines = [f"instructsam_ros {instructsam_ros.__version__} in {paths.PACKAGE}"]
    for check in checks:
        mark = "ok     " if check.ok else "MISSING" if check.required else "absent "
        lines.append(f"{mark}  {check.name:<{width}}  {check.detail}")
        if not check.ok:
            lines.append(" " * (width + 11) + f"-> {check.fix}")
    missing = [check.name for check in checks if check.required and not check.ok]
    lines.append(f"cannot run: {', '.join(missing)} missing" if missing else "ready: try `instructsam demo`")
    return "\n".join(lines)


def _importable(module: str, fix: str, required: bool = True) -> Check:
    try:
        imported = importlib.import_module(module)
    # A damaged package may raise anything, and finding it is the purpose of this command.
    except Exception as error:
        return Check(module, False, f"{type(error).__name__}: {error}", fix, required)
    version = getattr(imported, "__version__", None) or _distribution_version(module) or "found"
    return Check(module, True, str(version), required=required)


def _distribution_version(module: str) -> str | None:
    names = metadata.packages_distributions().get(module.partition(".")[0])
    return metadata.version(names[0]) if names else None


def _released_weights() -> Check:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError as error:
        return Check("2B weights", False, str(error), "pip install huggingface_hub")
    cached = try_to_load_from_cache(RELEASED_MODEL, "config.json")
    fix = f"only for model:={RELEASED_MODEL}: hf download {RELEASED_MODEL}"
    detail = str(Path(cached).parent) if isinstance(cached, str) else "not in the hub cache"
    return Check("2B weights", isinstance(cached, str), detail, fix)
