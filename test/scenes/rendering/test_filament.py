"""Filament shows the same view as the classic renderer, where it works."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.classic import ClassicRenderer
from instructsam_ros.scenes.rendering.filament import FilamentRenderer
from instructsam_ros.scenes.rendering.render import filament_failure
from instructsam_ros.scenes.rendering.world import World
from instructsam_ros.scenes.sampling.scene import sample_scene

WIDTH, HEIGHT = 96, 72


def test_filament_and_classic_images_show_the_same_view(capfd: pytest.CaptureFixture[str]) -> None:
    if filament_failure():
        pytest.skip(f"Filament does not work here: {filament_failure()}")
    world = World(sample_scene(3), WIDTH, HEIGHT)
    capfd.readouterr()
    (color,) = FilamentRenderer().render(world, WIDTH, HEIGHT)
    assert capfd.readouterr().out == ""
    (classic,) = ClassicRenderer().render(world, WIDTH, HEIGHT)
    assert (color.shape, color.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert np.corrcoef(color.mean(-1).ravel(), classic.mean(-1).ravel())[0, 1] > 0.6
