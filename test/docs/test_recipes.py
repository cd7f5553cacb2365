"""The recipes of docs/architecture.md work as printed."""

import re
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from instructsam_ros import cli
from instructsam_ros.errors import CancelledError, InvalidInputError
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.types import Status

GUIDE = Path(__file__).parents[2] / "docs" / "architecture.md"


def code_of(recipe: str) -> list[str]:
    """Return the Python blocks under a heading of the guide."""
    section = GUIDE.read_text().split(f"\n### {recipe}\n")[1].split("\n### ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def module_of(code: str, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run a block as the module of a name."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(code, name, "exec"), module.__dict__)
    return module


@pytest.fixture
def backend(monkeypatch) -> Segmenter:
    """The backend of the recipe, loaded as the recipe loads it."""
    definition, use = code_of("A new backend")
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    module_of(definition, "my_package.brightest", monkeypatch)
    namespace: dict[str, Segmenter] = {}
    exec(use, namespace)
    return namespace["model"]


def test_backend_recipe_keeps_the_contract(backend):
    assert isinstance(backend, Segmenter)
    rgb = np.zeros((20, 30, 3), np.uint8)
    assert backend.segment_image(rgb, "it").status == Status.NO_TARGET
    rgb[5:9, 10:12] = 255
    (found,) = backend.segment_image(rgb, "it").instances
    assert found.box.tolist() == [10, 5, 12, 9]


def test_backend_recipe_refuses_bad_input_and_can_be_cancelled(backend):
    rgb = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(InvalidInputError):
        backend.encode(rgb.astype(np.float32))
    with pytest.raises(InvalidInputError):
        backend.segment(backend.encode(rgb), "")
    with pytest.raises(CancelledError):
        backend.segment(backend.encode(rgb), "it", cancel=lambda: True)


def test_command_recipe_runs(tmp_path, capsys, monkeypatch):
    definition, registration = code_of("A new command")
    module_of(definition, "instructsam_ros.cli.count", monkeypatch)
    monkeypatch.setattr(cli, "COMMANDS", dict(cli.COMMANDS))
    exec(registration, {"COMMANDS": cli.COMMANDS})
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:20, 10:30] = image[30:40, 10:30] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "scene.png"), image)
    arguments = ["the red thing", "--model", "fake"]
    assert cli.main(["count", str(tmp_path / "scene.png"), *arguments]) == 0
    assert capsys.readouterr().out == "2\n"
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert cli.main(["count", str(tmp_path / "broken.png"), *arguments]) == 2
