"""Mesh files as objects: size, rest on the table, looks, and files that are none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.asset_catalogue import AssetCatalogue, AssetMesh, load_assets
from instructsam_ros.scenes.assets.asset_meshes import (
    load_shape,
    make_asset_object,
    simplified,
    stable_poses,
    support_points,
)
from instructsam_ros.scenes.assets.meshes import Mesh, lathe
from test.scenes.assets.small_assets import write_assets


def test_objects_rest_on_the_table_with_texture_and_names(tmp_path: Path) -> None:
    catalogue = load_assets(write_assets(tmp_path))
    for name in catalogue.meshes:
        for seed in range(6):
            item = make_asset_object(np.random.default_rng(seed), catalogue, name)
            vertices = item.parts[0].mesh.vertices
            assert vertices[:, 2].min() == pytest.approx(0)
            assert np.allclose(vertices.min(0)[:2], -vertices.max(0)[:2])
            assert np.allclose(item.extent, np.ptp(vertices, axis=0))
            assert item.parts[0].texture is not None
    box = make_asset_object(np.random.default_rng(0), catalogue, "box.obj")
    assert (box.category, box.color, box.other_colors) == ("parts box", "red", ("white",))
    assert box.groups == ["container"]
    mug = make_asset_object(np.random.default_rng(0), catalogue, "mug.glb")
    assert "drink" in mug.affordances
    assert "drinkware" in mug.groups


def test_up_and_scale_turn_a_file_upright_and_to_metres(tmp_path: Path) -> None:
    folder = write_assets(tmp_path)
    entries = {"mug.glb": AssetMesh("mug", 1.0, ("red",), scale=10.0, up="x")}
    shape = load_shape(AssetCatalogue(entries, folder=folder), "mug.glb")
    assert np.ptp(shape.mesh.vertices, axis=0) == pytest.approx([1.0, 0.8, 0.8], abs=0.02)


def test_what_is_no_mesh_or_has_no_look_is_refused(tmp_path: Path) -> None:
    folder = write_assets(tmp_path)
    (folder / "text.glb").write_text("hello")
    (folder / "empty.obj").write_text("v 0 0 0\n")
    (folder / "plain.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nf 1 2 3\n")
    for name, message in (
        ("text.glb", "not a readable mesh"),
        ("empty.obj", "no triangles|not a readable mesh"),
        ("plain.obj", "no texture and no colour"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_shape(AssetCatalogue({name: AssetMesh("mug", 0.1)}, folder=folder), name)


def test_a_file_in_millimetres_is_refused(tmp_path: Path) -> None:
    folder = write_assets(tmp_path)
    with pytest.raises(ConfigError, match="millimetres"):
        load_shape(AssetCatalogue({"mug.glb": AssetMesh("mug", 0.1, scale=1000)}, folder=folder), "mug.glb")


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(0.02, 0.3)] * 3))
def test_a_box_rests_on_its_sides_and_most_often_on_a_wide_one(size: tuple[float, float, float]) -> None:
    corners = np.stack(np.meshgrid(*[(-side / 2, side / 2) for side in size]), -1).reshape(-1, 3)
    poses, probabilities = stable_poses(corners)
    assert probabilities.sum() == pytest.approx(1)
    for pose in poses:
        assert np.allclose(pose @ pose.T, np.eye(3))
        assert min(abs(np.ptp(corners @ pose.T, axis=0)[2] - side) for side in size) < 1e-6
    heights = [np.ptp(corners @ pose.T, axis=0)[2] for pose in poses]
    assert heights[int(np.argmax(probabilities))] == pytest.approx(min(size), rel=1e-5)


def test_support_points_span_the_shape() -> None:
    points = np.random.default_rng(0).normal(size=(2000, 3))
    coarse = support_points(points, 128)
    assert len(coarse) <= 128
    assert (np.ptp(coarse, axis=0) > 0.9 * np.ptp(points, axis=0)).all()


def ball() -> Mesh:
    """A sphere of radius 1 of 4,800 triangles, whose texture coordinates are its angles."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 41)
    return lathe(np.c_[np.cos(angle), np.sin(angle)], 60)


def test_a_mesh_of_too_many_triangles_keeps_its_shape_and_texture(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("fast_simplification", reason="pip install fast-simplification")
    mesh, small = ball(), simplified(ball(), 1000, "ball.glb")
    assert len(small.faces) <= 1000 < len(mesh.faces)
    assert "ball.glb has" in caplog.text
    np.testing.assert_allclose(np.linalg.norm(small.vertices, axis=1), 1, atol=0.05)
    height = np.sin((small.uv[:, 1] - 0.5) * np.pi)
    assert np.abs(height - small.vertices[:, 2]).max() < 0.15
    assert simplified(mesh, len(mesh.faces), "ball.glb") is mesh


def test_without_the_package_a_heavy_mesh_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    mesh = ball()
    assert simplified(mesh, 100, "ball.glb") is mesh
    assert "pip install fast-simplification" in caplog.text
