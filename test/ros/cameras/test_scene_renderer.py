"""Clips of rendered scenes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.scene_renderer import SPLIT, ClipRequest, render_clip
from instructsam_ros.scenes.sampling.scene import sample_scene
from instructsam_ros.scenes.sampling.splits import manifest

SMALL = {"frames": 2, "width": 96, "height": 72, "renderer": "classic"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"seed": -1}, "seeds of a split"),
        ({"frames": 0}, "frames is 0"),
        ({"width": 8}, "width is 8"),
        ({"view": "side"}, "'ego', 'table', 'top'"),
        ({"renderer": "opengl"}, "'filament'"),
    ],
)
def test_unusable_clip_requests_are_named(wrong, named):
    with pytest.raises(ConfigError, match=named):
        ClipRequest(**wrong)


def test_scenes_are_those_with_the_requested_view():
    numbers = ClipRequest(seed=2, view="top").scenes()
    chosen = [next(numbers) for _ in range(2)]
    views = [sample_scene(manifest().scene_seed(SPLIT, n)).view for n in range(2, chosen[-1] + 1)]
    assert [n for n, view in enumerate(views, 2) if view == "top"] == chosen


def test_a_clip_is_the_sequence_of_its_scene():
    pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)
    from instructsam_ros.scenes.rendering.video import render_sequence

    frames = list(render_clip(ClipRequest(**SMALL), 1, threading.Event()))
    expected = list(render_sequence(SPLIT, 1, **SMALL))
    assert len(frames) == SMALL["frames"]
    for frame, view in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.rgb, view.rgb)
        assert frame.depth.dtype == np.uint16
        np.testing.assert_allclose(frame.depth / 1000, view.depth, atol=0.0006)
        assert vars(frame.intrinsics).items() >= view.meta["K"].items()


def test_an_error_of_the_rendering_process_is_raised_here():
    pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)
    with pytest.raises(ConfigError, match="seeds of a split"):
        next(render_clip(ClipRequest(**SMALL), -1, threading.Event()))


def test_a_stopped_clip_ends():
    stop = threading.Event()
    stop.set()
    assert list(render_clip(ClipRequest(**SMALL), 1, stop)) == []
