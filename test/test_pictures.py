"""Pictures of every kind, whole and damaged."""

import numpy as np
import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import read_picture

RGB = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def saved(path, orientation=1, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize(("orientation", "turned"), [(1, RGB), (3, RGB[::-1, ::-1]), (6, np.rot90(RGB, -1))])
def test_exif_turns_every_format(tmp_path, suffix, orientation, turned):
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(saved(tmp_path / f"a.{suffix}", orientation, **options))
    np.testing.assert_array_equal(picture, turned)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_a_picture_cut_in_half_is_refused(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidInputError, match="is it damaged"):
        read_picture(path)


def test_sixteen_bits_are_scaled_and_other_files_are_no_pictures(tmp_path):
    Image.fromarray(np.full((4, 4), 0x8000, np.uint16)).save(tmp_path / "grey.png")
    assert (read_picture(tmp_path / "grey.png") == 128).all()
    (tmp_path / "text.png").write_text("no picture")
    assert read_picture(tmp_path / "text.png") is None
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "moving.gif") is None
    with pytest.raises(InvalidInputError):
        read_picture(tmp_path / "missing.png")
