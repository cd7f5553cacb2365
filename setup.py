"""pip build: runs the CMake project that colcon builds and puts its install tree into the wheel."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

PACKAGE = "instructsam_ros"
SOURCE = Path(__file__).parent.resolve()
SITE_PACKAGES = Path(f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")


def cmake_install(build_dir: Path) -> Path:
    """Generate and compile the interfaces, install everything; return the install tree."""
    spec = importlib.util.find_spec("rosidl_cmake")
    if spec is None or spec.origin is None:
        raise RuntimeError("rosidl_cmake is missing; build with pip's isolation, which installs it")
    ros_prefix = str(Path(spec.origin).parents[4])  # <prefix>/lib/pythonX.Y/site-packages/rosidl_cmake/
    stage = build_dir / "stage"
    environment = {**os.environ, "AMENT_PREFIX_PATH": ros_prefix, "CMAKE_PREFIX_PATH": ros_prefix}
    configure = [
        "cmake",
        *("-S", str(SOURCE), "-B", str(build_dir), "-G", "Ninja"),
        "-DCMAKE_BUILD_TYPE=Release",
        "-DBUILD_TESTING=OFF",
        "-DUNITY_TYPE_SUPPORTS=ON",
        f"-DCMAKE_INSTALL_PREFIX={stage}",
        f"-DPython3_EXECUTABLE={sys.executable}",
        f"-DPYTHON_INSTALL_DIR={SITE_PACKAGES}",
    ]
    for command in (configure, ["cmake", "--build", str(build_dir)], ["cmake", "--install", str(build_dir)]):
        subprocess.run(command, check=True, env=environment)
    return stage


class BuildWithCMake(build_py):
    """Takes modules, generated interfaces, libraries and shared files from CMake's install tree."""

    def run(self) -> None:
        build_dir = Path(self.get_finalized_command("build").build_temp).resolve() / "cmake"
        # A CMake cache left here names the temporary environment of an earlier pip run.
        shutil.rmtree(build_dir, ignore_errors=True)
        stage = cmake_install(build_dir)
        not_needed = shutil.ignore_patterns("__pycache__", "*.c")
        target = Path(self.build_lib) / PACKAGE
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(stage / SITE_PACKAGES / PACKAGE, target, ignore=not_needed)

        # Message libraries, ament index, launch and config files go to the prefix, as in a workspace.
        shared: dict[str, list[str]] = {}
        for path in sorted(stage.rglob("*")):
            relative = path.relative_to(stage)
            if path.is_file() and relative.parts[0] != "include" and SITE_PACKAGES not in relative.parents:
                shared.setdefault(str(relative.parent), []).append(os.path.relpath(path, SOURCE))
        self.distribution.data_files = list(shared.items())


class BinaryDistribution(Distribution):
    """The wheel holds compiled files, so it is tagged for this Python and platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(packages=[PACKAGE], distclass=BinaryDistribution, cmdclass={"build_py": BuildWithCMake})
