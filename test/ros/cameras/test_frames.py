"""Frames from files, for the replaying camera."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import ConfigError
from instructsam_ros.ros.cameras.frames import read_folder, read_frame

CAMERA = {"width": 8, "height": 6, "fx": 5.0, "fy": 5.0, "cx": 4.0, "cy": 3.0}


def test_frames_come_in_order_with_depth_where_there_is_some(tmp_path):
    for name in ("b", "a"):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), np.zeros((6, 8, 3), np.uint8))
        (tmp_path / f"{name}.json").write_text(json.dumps({"K": CAMERA}))
    cv2.imwrite(str(tmp_path / "b_depth.png"), np.full((6, 8), 500, np.uint16))
    first, second = read_folder(tmp_path)
    assert first.depth is None
    assert second.depth.tolist() == [[500] * 8] * 6
    assert first.intrinsics.fx == 5.0


@pytest.mark.parametrize("content", [None, "{no json", "[]", "{}", '{"K": {"fx": 1}}', '{"K": 3}'])
def test_a_missing_or_unusable_camera_is_named(tmp_path, content):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((6, 8, 3), np.uint8))
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(ConfigError, match=r"a\.json must hold the camera of a\.jpg as K"):
        read_folder(tmp_path)


def test_a_folder_without_frames_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no frames"):
        read_folder(tmp_path)


def test_exif_turns_a_picture_alone_but_none_that_has_depth(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # on its side
    picture, depth = tmp_path / "a.jpg", tmp_path / "a_depth.png"
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(picture, exif=exif)
    cv2.imwrite(str(depth), np.full((6, 8), 500, np.uint16))
    assert read_frame(picture, None, None).rgb.shape == (8, 6, 3)
    assert read_frame(picture, depth, None).rgb.shape == (6, 8, 3)
    depth.unlink()
    (tmp_path / "a.json").write_text(json.dumps({"K": CAMERA}))
    assert read_folder(tmp_path)[0].rgb.shape == (6, 8, 3)
