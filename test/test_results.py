from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import lift
from instructsam_ros.pipeline import Result
from instructsam_ros.results import save_result, write_ply, write_png
from instructsam_ros.types import CameraModel, Frame, Instance, Segmentation, Status, tight_box

VERTEX = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]


def read_ply(data: bytes) -> np.ndarray:
    """Vertices by the file's own header."""
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    names = {"float": "<f4", "uchar": "u1"}
    fields = [(line.split()[2], names[line.split()[1]]) for line in lines if line.startswith("property")]
    assert fields == VERTEX
    vertices = np.frombuffer(body, fields)
    assert f"element vertex {len(vertices)}" in lines
    return vertices


@given(st.integers(0, 50), st.integers(0, 2**32 - 1))
def test_a_cloud_is_read_back_as_written(tmp_path_factory, count, seed):
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, 3)).astype(np.float32)
    colors = random.integers(0, 255, (count, 3), dtype=np.uint8)
    path = tmp_path_factory.getbasetemp() / "cloud.ply"
    write_ply(path, points, colors)
    vertices = read_ply(path.read_bytes())
    np.testing.assert_array_equal(np.stack([vertices[a] for a in "xyz"], 1), points)
    np.testing.assert_array_equal(np.stack([vertices[c] for c in ("red", "green", "blue")], 1), colors)


def test_pictures_are_read_back_as_written(tmp_path):
    random = np.random.default_rng(0)
    rgb = random.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    labels = random.integers(0, 65535, (5, 7), dtype=np.uint16)
    write_png(tmp_path / "rgb.png", rgb)
    write_png(tmp_path / "labels.png", labels)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "rgb.png"))[..., ::-1], rgb)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "labels.png"), cv2.IMREAD_UNCHANGED), labels)


@pytest.mark.parametrize("image", [np.zeros((2, 2), np.float32), np.zeros(4, np.uint8)])
def test_other_pictures_are_refused(tmp_path, image):
    with pytest.raises(InvalidInputError, match="PNG"):
        write_png(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


def test_a_result_is_saved_as_pictures_and_clouds(tmp_path):
    mask = np.zeros((24, 32), bool)
    mask[4:20, 4:20] = True
    depth = np.full((24, 32), 0.8, np.float32)
    frame = Frame(np.zeros((24, 32, 3), np.uint8), depth, CameraModel(32, 24, 30.0, 30.0, 16.0, 12.0))
    nothing = Instance(np.zeros((24, 32), bool), np.zeros(4, np.float32), 0.5, "ghost")
    segmentation = Segmentation(
        (Instance(mask, tight_box(mask), 0.9, "the red mug / é"), nothing), "", Status.OK
    )
    result = Result(frame, "a mug", segmentation, lift(frame, segmentation), {})
    paths = save_result(result, tmp_path)
    assert [p.name for p in paths] == ["overlay.png", "labels.png", "1_the_red_mug_é.ply"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert len(read_ply(paths[2].read_bytes())) == len(result.lifted.instances[0].points) > 0
    labels = cv2.imread(str(paths[1]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(labels, mask.astype(np.uint16))
