"""The description of the package agrees with itself, and the installed package is complete."""

import os
import re
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import pytest

import instructsam_ros

ROOT = Path(__file__).parents[1]
INTERFACES = sorted(path for folder in ("msg", "srv", "action") for path in (ROOT / folder).iterdir())


@pytest.fixture(scope="module")
def installed() -> metadata.Distribution:
    """What pip installed; a build leaves metadata in the checkout too, which is not meant."""
    found = metadata.Distribution.discover(name="instructsam-ros", path=[sysconfig.get_path("platlib")])
    return next(iter(found))


@pytest.fixture(scope="module")
def installed_files(installed) -> set[str]:
    """Paths of the installed files, from the environment's root."""
    files = installed.files or []
    return {os.path.relpath(file.locate(), sys.prefix) for file in files if "__pycache__" not in file.parts}


@pytest.fixture(scope="module")
def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


def test_one_version_everywhere(manifest, installed):
    version = instructsam_ros.__version__
    assert manifest.findtext("version") == version
    assert installed.version == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_interface_is_built():
    listed = re.findall(r'"((?:msg|srv|action)/\w+\.\w+)"', (ROOT / "CMakeLists.txt").read_text())
    assert sorted(listed) == [str(path.relative_to(ROOT)) for path in INTERFACES]


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_what_an_interface_uses_is_a_dependency(manifest, path):
    used = set(re.findall(r"^(\w+)/\w+", path.read_text(), re.MULTILINE)) - {"instructsam_ros"}
    assert used <= {node.text for node in manifest.iter("depend")}


def test_messages_come_from_the_install_and_modules_from_this_checkout():
    import instructsam_ros.msg
    import instructsam_ros.training
    import instructsam_ros.types

    assert Path(instructsam_ros.types.__file__).is_relative_to(ROOT)
    assert Path(instructsam_ros.training.__file__).resolve().is_relative_to(ROOT / "training")
    assert Path(instructsam_ros.msg.__file__).is_relative_to(sys.prefix)


def test_the_install_has_every_module_and_data_file(installed_files):
    modules = f"lib/python3.{sys.version_info[1]}/site-packages/instructsam_ros"
    places = {
        "instructsam_ros": modules,
        "training": f"{modules}/training",
        "config": "share/instructsam_ros/config",
        "launch": "share/instructsam_ros/launch",
    }
    wanted = {
        f"{place}/{path.relative_to(ROOT / folder)}"
        for folder, place in places.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    programs = ("segment_node", "replay_camera_node", "rendered_camera_node", "instructsam")
    wanted |= {f"lib/instructsam_ros/{program}" for program in programs}
    assert wanted - installed_files == set()


def test_the_install_has_no_tests_links_or_leftovers(installed_files):
    assert not [path for path in installed_files if re.search(r"/(test|tests|golden)/|\.c$|_cache/", path)]
    assert not [path for path in installed_files if (Path(sys.prefix) / path).is_symlink()]


def test_the_installed_package_works_away_from_the_checkout(tmp_path):
    code = (
        "import instructsam_ros.training as training, instructsam_ros.paths as paths;"
        "print(training.__file__, paths.share('config', 'fastdds.xml'), paths.share('launch'), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_relative_to(sys.prefix) for line in done.stdout.split())


def test_a_workspace_has_the_command_too(tmp_path):
    """``ros2 run instructsam_ros instructsam``, which starts what lies beside the nodes."""
    program = Path(sys.prefix) / "lib" / "instructsam_ros" / "instructsam"
    done = subprocess.run(
        [sys.executable, program, "--version"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == instructsam_ros.__version__, done.stderr


def test_the_extra_for_colcon_has_the_ros_packages_that_the_build_of_the_wheel_needs():
    text = (ROOT / "pyproject.toml").read_text()
    required, colcon = (
        set(re.findall(r'"(ros-kilted-(?:ament|rosidl)-[\w-]+)"', re.search(pattern, text, re.DOTALL)[0]))
        for pattern in (r"\nrequires = \[.*?\n\]", r"\ncolcon = \[.*?\n\]")
    )
    assert required
    assert required <= colcon
