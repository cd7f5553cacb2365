from pathlib import Path

import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.readers.visor.images import DENSE, SPARSE, find_image

NAME = "P01_01_frame_0000000140.jpg"
ABOUT = {"image_path": f"P01_01/{NAME}", "name": NAME, "video": "P01_01", "subsequence": "P01_01_seq_00001"}
MAPPING = {"P01_01": {NAME: "frame_0000000141.jpg"}}


def draw(folder, name, size=(192, 108)):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(folder / name)


@pytest.mark.parametrize(
    "place",
    [
        f"P01_01/{NAME}",
        f"P01_01/P01_01_seq_00001/{NAME}",
        "P01_01/frame_0000000141.jpg",
        "P01/rgb_frames/P01_01/frame_0000000141.jpg",
        f"P01/{NAME}",
        f"train/P01/{NAME}",
        f"val/P01/P01_01/{NAME}",
    ],
)
def test_an_image_is_found_in_every_layout(tmp_path, place):
    draw(tmp_path, place)
    found = find_image(ABOUT, tmp_path, MAPPING)
    assert found.file.path == tmp_path / place
    assert (found.video, found.name, found.epic_frame()) == ("P01_01", NAME, 141)


def test_dense_files_name_a_png_whose_image_is_a_jpg(tmp_path):
    draw(tmp_path, f"P01_01/{NAME}")
    png = NAME.replace("jpg", "png")
    found = find_image({**ABOUT, "name": png, "image_path": f"P01_01/{png}"}, tmp_path, {})
    assert (found.name, found.epic_frame()) == (NAME, None)


def test_coordinates_are_in_the_pixels_of_the_file_of_annotations(tmp_path):
    draw(tmp_path, f"P01_01/{NAME}")
    image = find_image(ABOUT, tmp_path, {})
    assert image.annotated_size(Path("P01_01.json")) == SPARSE
    assert image.annotated_size(Path("P01_01_interpolations.json")) == DENSE
    draw(tmp_path, f"P01_01/{NAME}", (128, 108))
    with pytest.raises(InvalidInputError, match="is 128x108, its masks are 1920x1080"):
        image.annotated_size(Path("P01_01.json"))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "expected an image"),
        ({"name": "a"}, "expected an image"),
        ({**ABOUT, "video": 3}, "must be texts"),
        ({**ABOUT, "image_path": "../a.jpg"}, "leads out"),
        (ABOUT, "there is no image"),
    ],
)
def test_a_broken_record_is_an_error(tmp_path, about, message):
    with pytest.raises(InvalidInputError, match=message):
        find_image(about, tmp_path, MAPPING)
