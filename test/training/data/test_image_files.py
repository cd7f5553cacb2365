import contextlib

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import (
    ImageFile,
    check_folder,
    check_frame_name,
    frame_file,
    image_file,
)

H, W = 48, 64


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (H, W, 3), dtype=np.uint8)


def save_turned(path, pixels, orientation):
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, exif=turned)
    return ImageFile(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_image_and_masks_together(tmp_path, orientation):
    pixels = noise()
    image = save_turned(tmp_path / "a.png", pixels, orientation)
    upright = image.read()
    assert image.is_turned() == (orientation != 1)
    assert image.size() == upright.shape[:2] == ((H, W) if orientation < 5 else (W, H))
    masks = np.stack([pixels[..., channel] > 128 for channel in range(3)])
    assert np.array_equal(image.upright(masks), (upright > 128).transpose(2, 0, 1))
    assert image.upright(masks).flags.c_contiguous


def test_masks_of_the_upright_size_are_upright_already(tmp_path):
    image = save_turned(tmp_path / "a.png", noise(), 6)
    masks = np.random.default_rng(1).random((2, W, H)) > 0.5
    assert np.array_equal(image.upright(masks), masks)


def test_masks_of_another_size_are_refused(tmp_path):
    image = save_turned(tmp_path / "a.png", noise(), 1)
    with pytest.raises(InvalidInputError, match="is 64x48, its masks are 48x64"):
        image.upright(np.zeros((0, W, H), bool))


def test_an_unknown_orientation_is_upright(tmp_path):
    image = save_turned(tmp_path / "a.png", noise(), 9)
    assert np.array_equal(image.read(), noise())
    assert image.size() == (H, W)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.png", "b/../../a.png", "", "C:\\a.png", "..\\a.png"])
def test_paths_out_of_the_folder_are_refused(tmp_path, name):
    (tmp_path / "images").mkdir()
    Image.fromarray(noise()).save(tmp_path / "a.png")
    with pytest.raises(InvalidInputError, match=r"leads out of the image folder|there is no image"):
        image_file(tmp_path / "images", name)


def test_links_are_followed_inside_the_folder_only(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(noise()).save(folder / "sub" / "a.png")
    Image.fromarray(noise()).save(tmp_path / "secret.png")
    (folder / "inside.png").symlink_to("sub/a.png")
    (folder / "outside.png").symlink_to(tmp_path / "secret.png")
    assert image_file(folder, "inside.png").read().shape == (H, W, 3)
    with pytest.raises(InvalidInputError, match="link out of the image folder"):
        image_file(folder, "outside.png")


def test_image_data_that_breaks_off_is_an_error(tmp_path):
    data = cv2.imencode(".jpg", noise())[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidInputError, match="cannot decode"):
        ImageFile(tmp_path / "a.jpg").read()
    (tmp_path / "a.jpg").write_bytes(b"not a picture")
    with pytest.raises(InvalidInputError, match="not a readable image"):
        ImageFile(tmp_path / "a.jpg").size()


@pytest.mark.parametrize("suffix", ["png", "avif", "webp", "gif", "tiff"])
def test_damage_of_any_kind_raises_no_other_error(tmp_path, suffix):
    """PIL's readers raise SyntaxError, RuntimeError and more."""
    path = tmp_path / f"a.{suffix}"
    try:
        Image.fromarray(noise()).save(path)
    except (KeyError, ValueError):
        pytest.skip(f"this PIL writes no {suffix}")
    whole = path.read_bytes()
    for start in range(8, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:start] + bytes(len(whole[start : start + 30])) + whole[start + 30 :])
        with contextlib.suppress(InvalidInputError):  # damage to pixels alone may go unnoticed
            ImageFile(path).read()
    path.write_bytes(whole[:8])
    with pytest.raises(InvalidInputError):
        ImageFile(path).read()


def test_16_bit_grey_is_scaled(tmp_path):
    ramp = np.linspace(0, 65535, H * W).reshape(H, W).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), ramp)
    found = ImageFile(tmp_path / "a.png").read()
    assert found.shape == (H, W, 3)
    assert np.abs(found[..., 0].astype(int) - ramp // 256).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_is_the_inverse_of_upright(tmp_path, orientation):
    image = save_turned(tmp_path / "a.png", noise(), orientation)
    masks = np.random.default_rng(1).random((2, H, W)) > 0.5
    assert np.array_equal(image.stored(image.upright(masks)), masks)
    assert image.stored_size() == (H, W)
    with pytest.raises(InvalidInputError, match="do not fit"):
        image.stored(np.zeros((1, 3, 3), bool))


def test_frames_of_videos_are_found_by_their_pattern(tmp_path):
    (tmp_path / "v1").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "v1" / "007.png")
    check_frame_name("{video}/{frame:03d}.png")
    assert frame_file(tmp_path, "{video}/{frame:03d}.png", "v1", 7).size() == (3, 4)
    with pytest.raises(InvalidInputError, match="there is no image"):
        frame_file(tmp_path, "{video}/{frame:03d}.png", "v1", 8)


@pytest.mark.parametrize(
    "pattern",
    ["{video}.jpg", "{frame}.jpg", "a.jpg", "{video}/{number}.jpg", "{frame:q}", "{video", "{frame.x}"],
)
def test_a_pattern_that_does_not_tell_frames_of_videos_apart_is_refused(pattern):
    with pytest.raises(ValueError, match="frame_name must contain"):
        check_frame_name(pattern)


def test_a_missing_folder_is_an_error(tmp_path):
    check_folder(tmp_path)
    with pytest.raises(InvalidInputError, match="there is no image folder"):
        check_folder(tmp_path / "images")
