"""Mesh primitives: sizes, closed surfaces, outward faces, unit normals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.scenes.assets.meshes import (
    Mesh,
    blob,
    box,
    extrude,
    lathe,
    move,
    rotation_x,
    rotation_y,
    rounded_rectangle,
    shell,
    smooth_normals,
    tube,
)

sizes = st.floats(0.02, 0.3)


def volume(mesh: Mesh) -> float:
    """Signed volume of a closed mesh: positive where faces are wound outwards."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def open_edges(mesh: Mesh) -> int:
    """Number of directed edges without an opposite one; coincident vertices count as one."""
    _, vertex = np.unique(np.round(mesh.vertices, 7), axis=0, return_inverse=True)
    corners = vertex.reshape(-1)[mesh.faces]
    edges = Counter(
        (int(a), int(b)) for face in corners for a, b in zip(face, np.roll(face, -1), strict=True)
    )
    return sum(edges[b, a] != count for (a, b), count in edges.items() if a != b)


@given(sizes, sizes, sizes)
@settings(max_examples=30)
def test_a_box_is_closed_and_has_its_size(width: float, depth: float, height: float) -> None:
    mesh = box(width, depth, height)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), (width, depth, height))
    assert mesh.vertices[:, 2].min() == pytest.approx(0)
    assert volume(mesh) == pytest.approx(width * depth * height)
    assert open_edges(mesh) == 0


@given(sizes, sizes)
@settings(max_examples=20)
def test_a_lathe_has_the_volume_of_the_solid(radius: float, height: float) -> None:
    mesh = lathe([(0, 0), (radius, 0), (radius, height), (0, height)], 200)
    assert volume(mesh) == pytest.approx(np.pi * radius**2 * height, rel=1e-3)
    assert open_edges(mesh) == 0


@given(st.floats(0.001, 0.004))
@settings(max_examples=20)
def test_a_shell_holds_less_than_its_outline(thickness: float) -> None:
    outline = [(0.03, 0), (0.03, 0.006), (0.04, 0.05), (0.04, 0.1)]
    solid = lathe([(0, 0), *outline, (0, 0.1)])
    assert 0 < volume(lathe(shell(outline, thickness))) < volume(solid)


@pytest.mark.parametrize("order", [1, -1])
def test_an_extrusion_of_either_winding_has_outward_faces(order: int) -> None:
    outline = rounded_rectangle(0.2, 0.1, 0.02)[::order]
    mesh = extrude(outline, 0.03, 0.01)
    corners = (4 - np.pi) * 0.02**2
    assert volume(mesh) == pytest.approx((0.2 * 0.1 - corners) * 0.03, rel=0.01)
    assert open_edges(mesh) == 0
    assert (mesh.vertices[:, 2].min(), mesh.vertices[:, 2].max()) == pytest.approx((0.01, 0.04))


def test_a_tube_keeps_its_radius_around_its_path() -> None:
    path = np.c_[np.zeros(5), np.linspace(0, 0.2, 5), np.zeros(5)]
    mesh = tube(path, 0.01)
    assert np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 2]).max() == pytest.approx(0.01)
    assert abs(volume(mesh)) == pytest.approx(np.pi * 0.01**2 * 0.2, rel=0.05)


@given(st.floats(0, 0.05), st.integers(0, 99), st.floats(-0.2, 0.2), st.floats(0, 0.3))
@settings(max_examples=20)
def test_a_blob_rests_on_the_table(bump: float, seed: int, taper: float, dimple: float) -> None:
    mesh = blob((0.03, 0.03, 0.04), bump, seed, taper, dimple)
    assert mesh.vertices[:, 2].min() == pytest.approx(0)
    assert volume(mesh) > 0


def test_move_scales_then_rotates_then_shifts() -> None:
    mesh = Mesh(np.array([[1.0, 0, 0]]), np.zeros((0, 3), np.int64), np.zeros((1, 2)))
    moved = move(mesh, (0, 0, 1), rotation_y(np.pi / 2), scale=2)
    np.testing.assert_allclose(moved.vertices, [[0, 0, -1]], atol=1e-12)
    np.testing.assert_allclose(rotation_x(np.pi / 2) @ (0, 1, 0), (0, 0, 1), atol=1e-12)


def test_normals_are_shared_on_seams_and_split_at_sharp_edges() -> None:
    round_side = lathe([(0.05, 0), (0.05, 0.1)], 40)
    normals = smooth_normals(round_side)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    np.testing.assert_allclose(normals[0], normals[40], atol=1e-9)  # first and last column coincide
    faces = smooth_normals(box(0.1, 0.1, 0.1))
    assert np.isclose(np.abs(faces).max(1), 1).all()
