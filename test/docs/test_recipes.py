"""The recipes of docs/architecture.md work as printed."""

import re
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from instructsam_ros import cli
from instructsam_ros.errors import CancelledError, InvalidInputError
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.data.broken_records import BrokenRecords
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


def test_data_set_recipe_yields_samples(tmp_path, monkeypatch):
    (definition,) = code_of("A new data set")
    reader = module_of(definition, "my_package.rectangles", monkeypatch)
    image = np.zeros((12, 16, 3), np.uint8)
    image[2:5, 3:9] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((12, 16, 3), np.uint8))
    (tmp_path / "c.png").write_bytes(b"no image")
    broken = BrokenRecords()
    first, second = reader.read(reader.Settings(tmp_path), broken)
    assert "c.png: " in broken.problems[0]
    assert (first.image, first.source) == ("a.png", "rectangles")
    assert first.read()[3, 4].tolist() == [255, 0, 0]
    (phrase,) = first.phrases
    masks = phrase.masks()
    assert masks.shape == (1, 12, 16)
    assert masks.dtype == bool
    assert masks.sum() == 18
    assert second.phrases[0].masks().shape == (0, 12, 16)


def test_objective_recipe_gives_a_loss_with_a_gradient(fresh_tiny_model, monkeypatch):
    (definition,) = code_of("A new objective")
    objective = module_of(definition, "my_package.objective", monkeypatch)
    with torch.no_grad():
        fresh_tiny_model.mask_queries.fill_(0.5)
    total, terms = objective.loss(fresh_tiny_model, None)
    total.backward()
    assert float(total.detach()) == pytest.approx(0.25)
    assert terms["square"] == total.detach()
    assert fresh_tiny_model.mask_queries.grad.abs().sum() > 0
