"""Rendered views agree with their annotations. Classic GL, small images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.dataset import View

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.rendering.render import choose_renderer, filament_failure, render_scene
from instructsam_ros.scenes.sampling.scene import sample_scene

WIDTH, HEIGHT = 128, 96


def render(seed: int, *, sensor_noise: bool = False) -> list[View]:
    return render_scene(
        sample_scene(seed, 2), WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=sensor_noise
    )


@pytest.fixture(scope="module")
def views() -> list[View]:
    return render(3)


def test_images_have_the_documented_types(views: list[View]) -> None:
    assert len(views) == 2
    for view in views:
        assert (view.rgb.shape, view.rgb.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
        assert (view.ids.shape, view.ids.dtype) == ((HEIGHT, WIDTH), np.uint8)
        assert (view.depth.shape, view.depth.dtype) == ((HEIGHT, WIDTH), np.float32)
        assert view.rgb.std() > 5


def test_ids_match_the_annotations(views: list[View]) -> None:
    for view in views:
        known = {o["id"]: o for o in view.meta["objects"]}
        assert {int(i) for i in np.unique(view.ids) if 0 < i < 200} == {
            i for i, o in known.items() if o["pixels"]
        }
        for number, entry in known.items():
            rows, columns = np.nonzero(view.ids == number)
            assert len(rows) == entry["pixels"] <= entry["pixels_full"] or not len(rows)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert box == entry["bbox"]
                at_border = box[0] == 0 or box[1] == 0 or box[2] == WIDTH or box[3] == HEIGHT
                assert entry["truncated"] or not at_border


def test_depth_and_camera_agree_with_the_positions_of_objects(views: list[View]) -> None:
    checked = 0
    for view in views:
        camera = view.meta["K"]
        for entry in view.meta["objects"]:
            if entry["visible"] < 0.95 or entry["truncated"] or entry["pixels"] < 30:
                continue
            x, y, z = entry["pos_cam"]
            u, v = camera["fx"] * x / z + camera["cx"], camera["fy"] * y / z + camera["cy"]
            x0, y0, x1, y1 = entry["bbox"]
            assert x0 - 2 <= u <= x1 + 2
            assert y0 - 2 <= v <= y1 + 2
            seen = np.median(view.depth[view.ids == entry["id"]])
            assert abs(seen - z) < max(entry["extent"])
            world = np.asarray(view.meta["R_world_cam"]) @ entry["pos_cam"] + view.meta["cam_pos"]
            np.testing.assert_allclose(world, entry["pos_world"], atol=1e-3)
            checked += 1
    assert checked > 2


def test_the_same_seed_gives_the_same_pixels(views: list[View]) -> None:
    again = render(3)
    for first, second in zip(views, again, strict=True):
        assert np.array_equal(first.rgb, second.rgb)
        assert np.array_equal(first.ids, second.ids)
        assert np.array_equal(first.depth, second.depth)
        assert first.meta == second.meta
    assert not np.array_equal(views[0].rgb, render(4)[0].rgb)


def test_sensor_noise_grows_with_distance_and_leaves_holes(views: list[View]) -> None:
    noisy = render(3, sensor_noise=True)
    for exact, measured in zip(views, noisy, strict=True):
        valid = measured.depth > 0
        assert 0.5 < valid.mean() < 1
        error = np.abs(measured.depth - exact.depth)[valid]
        assert 0 < np.median(error) < 0.01
        near = exact.depth[valid] < np.median(exact.depth[valid])
        assert error[near].mean() < error[~near].mean()


def test_exact_depth_is_zero_without_a_surface(views: list[View]) -> None:
    scene = sample_scene(12545)  # looks past the wall
    renderer = choose_renderer("classic")
    (exact,) = render_scene(scene, WIDTH, HEIGHT, renderer, sensor_noise=False)
    assert 0 < (exact.depth == 0).mean() < 0.1
    assert exact.depth.max() < 7
    assert all((view.depth > 0).all() for view in views)


@pytest.mark.parametrize("kind", ["hand", "gripper"])
def test_occluders_hide_the_objects_behind_them(kind: str) -> None:
    scene = next(s for s in map(sample_scene, range(100)) if [o for o in s.occluders if o.kind == kind])
    (view,) = render_scene(scene, WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=False)
    assert set(view.meta["occluders"]) == {kind}
    seen = {int(number) for number in np.unique(view.ids) if number >= 200}
    assert seen
    assert seen <= {200 + number for number in range(len(view.meta["occluders"]))}
    bare = dataclasses.replace(scene, occluders=[])
    (open_view,) = render_scene(bare, WIDTH, HEIGHT, choose_renderer("classic"), sensor_noise=False)
    assert open_view.ids.max() < 200
    covered = view.ids >= 200
    assert np.array_equal(view.ids[~covered], open_view.ids[~covered])
    assert (view.depth[covered] < open_view.depth[covered] + 1e-3).all()


def test_without_vulkan_the_classic_renderer_is_chosen_and_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VK_DRIVER_FILES", "/nowhere")
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere")
    filament_failure.cache_clear()
    assert choose_renderer("auto").name == "classic"
    assert "rendering with classic GL" in caplog.text
    with pytest.raises(ConfigError, match="mesa-vulkan-drivers"):
        choose_renderer("filament")
    filament_failure.cache_clear()
