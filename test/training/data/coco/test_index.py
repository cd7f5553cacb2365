import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.index import read_index
from instructsam_ros.training.data.mask_codec import encode_masks
from instructsam_ros.training.data.readers import refcoco
from test.training.data import coco_files as files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 1, "file_name": "../a.jpg"}]}, "leads out of the image folder"),
        ({"images": [{"id": 1, "file_name": "c.jpg"}]}, "no image"),
        ({"images": [{"id": 1, "file_name": 3}]}, "names no file for image 1"),
        ({"images": [{"id": 1, "file_name": "a.jpg", "height": 0, "width": 5}]}, "integers in 1..65535"),
        ({"annotations": [files.annotation(10, segmentation="x")]}, "mask is a str"),
        ({"annotations": [files.annotation(10, segmentation=None)]}, "annotation 10 has no pixel"),
        (
            {"annotations": [files.annotation(10, segmentation={"size": [1, 1], "counts": [1]})]},
            "RLE has size",
        ),
    ],
)
def test_a_broken_instance_is_named_with_the_ref_that_uses_it(tmp_path, changes, message):
    files.instances(tmp_path, **changes)
    (problem,) = files.problems(refcoco, files.refs_settings(refcoco, tmp_path, [files.ref(10, "the cup")]))
    assert "refs(unc).p: [0]: " in problem
    assert message in problem


def test_instance_records_without_an_id_or_with_a_repeated_one_are_broken(tmp_path):
    images = [{"id": 1, "file_name": "a.jpg"}, {"file_name": "b.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    files.instances(tmp_path, images=images)
    first, second = files.problems(
        refcoco, files.refs_settings(refcoco, tmp_path, [files.ref(10, "the cup")])
    )
    assert "images[1]: expected an object with an integer id" in first
    assert "images[2]: the id 1 is there twice" in second


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected an object"),
        ("{}", "has no images"),
        ('{"images": [{"id": 1}]}', "has no annotations"),
        ("[" * 99999, "JSON"),
    ],
)
def test_an_instance_file_of_another_form_is_an_error(tmp_path, content, message):
    files.write(tmp_path / "instances.json", content)
    files.image(tmp_path)
    with pytest.raises(InvalidInputError, match=message):
        files.read_refs(refcoco, tmp_path, [files.ref(10, "the cup")])


def test_a_turned_image_and_its_masks_turn_together(tmp_path):
    image = {"id": 1, "file_name": "a.jpg", "width": files.W, "height": files.H}
    files.instances(tmp_path, images=[image])
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    pixels = np.zeros((files.H, files.W, 3), np.uint8)
    pixels[:, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "images" / "a.jpg", exif=turned, quality=100)
    (sample,) = files.read_refs(refcoco, tmp_path, [files.ref(11, "the column")])
    rgb, (mask,) = sample.read(), sample.masks()
    assert mask.shape == rgb.shape[:2] == (files.W, files.H)
    assert rgb[mask].min() > 150 > rgb[~mask].mean()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_masks_come_back_as_they_were_encoded(tmp_path_factory, seed, count):
    folder = tmp_path_factory.mktemp("coco")
    rng = np.random.default_rng(seed)
    masks = rng.random((count, files.H, files.W)) > 0.5
    codes = [{**code, "counts": code["counts"].decode()} for code in encode_masks(masks)]
    members = [files.annotation(number, segmentation=code) for number, code in enumerate(codes)]
    index = read_index(files.instances(folder, annotations=members), BrokenRecords())
    order = rng.permutation(count).tolist()
    _, image = index.image(1, folder / "images")
    assert np.array_equal(index.masks(1, order, image)(), masks[order])


def test_the_size_of_the_file_stands_in_for_a_missing_one(tmp_path):
    files.instances(tmp_path, images=[{"id": 1, "file_name": "a.jpg"}])
    index = read_index(tmp_path / "instances.json", BrokenRecords())
    _, image = index.image(1, tmp_path / "images")
    assert index.masks(1, [], image)().shape == (0, files.H, files.W)
