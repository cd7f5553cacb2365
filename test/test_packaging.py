"""The description of the package agrees with itself, and the installed package is complete."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import pytest

import instructsam_ros

ROOT = Path(__file__).parents[1]
INTERFACES = sorted(path for folder in ("msg", "srv", "action") for path in (ROOT / folder).iterdir())


def installed_files() -> set[str]:
    """Paths of the installed distribution, from the environment's root."""
    files = metadata.distribution("instructsam-ros").files or []
    return {str(Path(file.locate()).resolve().relative_to(Path(sys.prefix).resolve())) for file in files}


@pytest.fixture(scope="module")
def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


def test_one_version_everywhere(manifest):
    version = instructsam_ros.__version__
    assert manifest.findtext("version") == version
    assert metadata.version("instructsam-ros") == version
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
    assert not Path(instructsam_ros.msg.__file__).is_relative_to(ROOT)


def test_the_install_has_every_module_and_data_file():
    tracked = [
        *("instructsam_ros/" + str(p.relative_to(ROOT / "instructsam_ros")) for p in sources("instructsam_ros")),
        *("instructsam_ros/training/" + str(p.relative_to(ROOT / "training")) for p in sources("training")),
    ]
    site = f"lib/python3.{sys.version_info[1]}/site-packages/"
    shared = [f"share/instructsam_ros/{p.relative_to(ROOT)}" for d in ("config", "launch") for p in sources(d)]
    nodes = ["lib/instructsam_ros/segment_node", "lib/instructsam_ros/replay_camera_node"]
    wanted = {site + path for path in tracked} | set(shared) | set(nodes)
    assert wanted - installed_files() == set()


def test_the_install_has_no_tests_links_or_leftovers():
    files = installed_files()
    assert not [path for path in files if re.search(r"/(test|tests|golden)/|\.c$|_cache/", path)]
    assert not [path for path in files if (Path(sys.prefix) / path).is_symlink()]


def sources(folder: str) -> list[Path]:
    """Files of a folder of the checkout that belong in an install."""
    found = [p for p in sorted((ROOT / folder).rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    return [p for p in found if (ROOT / "instructsam_ros" / "training") not in p.parents]


@pytest.mark.parametrize("module", ["instructsam_ros.training", "instructsam_ros.paths"])
def test_the_installed_package_works_away_from_the_checkout(tmp_path, module):
    code = (
        f"import {module} as m, instructsam_ros.paths as paths;"
        "print(m.__file__, paths.share('config', 'fastdds.xml'), paths.share('launch'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) + "/" not in done.stdout.replace(sys.prefix, "")
