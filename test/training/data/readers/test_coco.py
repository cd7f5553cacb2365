import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mask_codec import mask_api
from instructsam_ros.training.data.readers import coco
from test.training.data.coco_files import H, W, annotation, phrases, polygon, samples_of, write_set

NAMES = {1: "cup", 3: "fork", 90: "spoon"}


@pytest.fixture
def broken():
    return BrokenRecords()


def pixels(sample):
    return sample.masks().sum((1, 2)).tolist()


def test_nouns_counts_and_absent_categories(tmp_path, broken):
    write_set(tmp_path, [annotation(1, 1), annotation(2, 1, 40, 8, 50, 18), annotation(3, 3)], NAMES)
    samples = samples_of(coco, tmp_path, broken)
    assert phrases(samples) == {"cup", "fork"}
    assert phrases(samples, "none") == {"spoon"}
    assert pixels(samples["fork"]) == [320]
    assert pixels(samples["the two cups"]) == [320, 100]
    assert pixels(samples["all the cups"]) == [320, 100]
    assert pixels(samples["the leftmost cup"]) == [320]
    assert pixels(samples["the cup on the right"]) == [100]
    assert samples["spoon"].masks().shape == (0, H, W)
    assert not broken.problems
    fork = samples["fork"]
    assert (fork.image, fork.record, fork.source) == ("a.jpg", "images[0]", "coco")
    assert fork.labels == {"level": "concept", "cardinality": "one", "kind": "noun"}
    assert fork.read().shape == (H, W, 3)


def test_a_category_with_a_crowd_is_neither_named_nor_absent(tmp_path, broken):
    crowd = annotation(2, 1, iscrowd=1, segmentation={"counts": [0, H, H * W - H], "size": [H, W]})
    write_set(tmp_path, [annotation(1, 1), crowd, annotation(3, 3)], NAMES)
    samples = samples_of(coco, tmp_path, broken)
    assert {s.phrases[0].text for s in samples.values()} == {"fork", "spoon"}
    assert not broken.problems


def rle_text(mask):
    return mask_api().encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


@pytest.mark.parametrize(
    ("segmentation", "area"),
    [
        ([polygon(8, 8, 24, 28)], 320),
        ([polygon(8, 8, 24, 28), polygon(40, 8, 50, 18)], 420),  # one object of two parts
        ({"counts": [0, 48, 48 * 63], "size": [H, W]}, 48),
        ({"counts": rle_text(np.eye(H, W)), "size": [H, W]}, 48),
    ],
)
def test_every_form_of_segmentation_is_one_object(tmp_path, broken, segmentation, area):
    write_set(tmp_path, [annotation(1, 1, segmentation=segmentation)], NAMES)
    samples = samples_of(coco, tmp_path, broken)
    assert {tuple(pixels(s)) for s in samples.values() if s.phrases[0].text == "cup"} == {(area,)}


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=H * 4, max_size=H * 4), st.booleans())
def test_masks_come_back_as_they_were_encoded(tmp_path_factory, values, compressed):
    folder = tmp_path_factory.mktemp("coco")
    mask = np.zeros((H, W), bool)
    mask[:, 10:14] = np.reshape(values, (H, 4))
    runs, last = [0], False
    for value in mask.T.reshape(-1):
        if value == last:
            runs[-1] += 1
        else:
            runs, last = [*runs, 1], value
    counts = rle_text(mask) if compressed else runs
    write_set(folder, [annotation(1, 1, segmentation={"counts": counts, "size": [H, W]})], NAMES)
    samples = samples_of(coco, folder, BrokenRecords(), seeds=3)
    cups = [s for s in samples.values() if s.phrases[0].text == "cup"]
    assert all(np.array_equal(s.masks(), mask[None]) for s in cups)
    assert bool(cups) == mask.any()  # an object without a pixel is unclear


def test_a_turned_image_turns_its_masks_and_gets_no_places(tmp_path, broken):
    write_set(tmp_path, [annotation(1, 1), annotation(2, 1, 40, 8, 50, 18), annotation(3, 3)], NAMES)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(tmp_path / "images" / "a.jpg", exif=exif)
    samples = samples_of(coco, tmp_path, broken)
    assert samples["fork"].read().shape == (W, H, 3)
    (mask,) = samples["fork"].masks()
    assert mask.shape == (W, H)
    assert mask[8:24, H - 28 : H - 8].all()
    assert mask.sum() == 320
    assert samples["spoon"].masks().shape == (0, W, H)
    assert "place" not in {s.labels["kind"] for s in samples.values()}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "annotations[1]: expected an object with an integer image_id"),
        (annotation(9, 1, image=5), "annotations[1]: there is no image with the id 5"),
        (annotation(9, 1, image=[5]), "annotations[1]: expected an object with an integer image_id"),
        (annotation(9, 3, segmentation=[[1, 2, 3, 4]]), "neither an RLE"),
        (annotation(9, 3, segmentation="cup"), "mask is a str"),
        (annotation(9, 3, segmentation={"counts": [5], "size": [H, W]}), "do not add up"),
        (annotation(9, 3, segmentation={"counts": "PP", "size": [H, W]}), "cannot be decoded"),
        (annotation(9, 3, segmentation={"counts": [0], "size": [W, H]}), "RLE has size"),
        (annotation(9, 3, segmentation=[[0, 0, 1e12, 1, 1, 1]]), "far beyond the image"),
    ],
)
def test_a_damaged_annotation_is_reported_and_its_category_is_unclear(tmp_path, broken, entry, message):
    write_set(tmp_path, [annotation(1, 1), entry, annotation(2, 3)], NAMES)
    samples = samples_of(coco, tmp_path, broken, seeds=10)
    assert message in broken.problems[0]
    is_of_this_image = isinstance(entry, dict) and entry["image_id"] == 1
    assert phrases(samples) == ({"cup"} if is_of_this_image else {"cup", "fork"})
    assert phrases(samples, "none") == {"spoon"}


def test_few_damaged_annotations_of_many_images_are_no_error(tmp_path):
    images = [{"id": n, "file_name": "a.jpg", "width": W, "height": H} for n in range(300)]
    damaged = [annotation(1, 3, image=n, segmentation="cup") for n in range(0, 300, 25)]
    write_set(tmp_path, [*damaged, *(annotation(2, 1, image=n) for n in range(300))], NAMES, images)
    broken = BrokenRecords()
    chosen = coco.Settings(tmp_path / "set.json", tmp_path / "images")
    assert len(list(broken.count(coco.read(chosen, broken)))) >= 300
    assert len(broken.problems) == 12


@pytest.mark.parametrize("category", [5, "cup", [1], True])
def test_an_object_of_an_unknown_category_may_be_of_any(tmp_path, broken, category):
    write_set(tmp_path, [annotation(1, 1), annotation(2, category)], NAMES)
    assert not samples_of(coco, tmp_path, broken, seeds=5)
    assert "annotations[1]: there is no category with the id" in broken.problems[0]


@pytest.mark.parametrize("segmentation", [[], None, [polygon(8, 8, 8, 8)]])
def test_an_object_without_a_pixel_is_unclear(tmp_path, broken, segmentation):
    write_set(tmp_path, [annotation(1, 1, segmentation=segmentation), annotation(2, 3)], NAMES)
    samples = samples_of(coco, tmp_path, broken)
    assert {s.phrases[0].text for s in samples.values()} == {"fork", "spoon"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file_name": "b.jpg"}, "there is no image"),
        ({"file_name": "../a.jpg"}, "leads out of the image folder"),
        ({"file_name": None}, "no file_name"),
        ({"height": 0}, "must be integers in 1..65535"),
        ({"width": 1e9}, "must be integers in 1..65535"),
        ({"id": "2"}, "integer id"),
        ({"id": 1}, "the id 1 is that of images[0], too"),
    ],
)
def test_a_broken_image_is_reported_and_left_out(tmp_path, changes, message):
    good = {"id": 1, "file_name": "a.jpg", "width": W, "height": H}
    write_set(
        tmp_path, [annotation(1, 1), annotation(2, 1, image=2)], NAMES, [good, {**good, "id": 2, **changes}]
    )
    broken = BrokenRecords()
    chosen = coco.Settings(tmp_path / "set.json", tmp_path / "images")
    assert {s.record for s in coco.read(chosen, broken)} == {"images[0]"}
    assert "images[1]" in broken.problems[0]
    assert message in broken.problems[0]


def test_an_image_that_is_no_image_is_reported(tmp_path, broken):
    write_set(tmp_path, [annotation(1, 1)], NAMES)
    (tmp_path / "images" / "a.jpg").write_text("no image")
    assert not samples_of(coco, tmp_path, broken, seeds=1)
    assert "not a readable image" in broken.problems[0]


def test_a_broken_category_is_reported(tmp_path, broken):
    write_set(tmp_path, [annotation(1, 1)], NAMES | {4: " ", 5: None})
    assert "cup" in phrases(samples_of(coco, tmp_path, broken, seeds=1))
    assert ["categories[3]" in broken.problems[0], "categories[4]" in broken.problems[1]] == [True, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [([], "expected an object"), ({"images": []}, "has no images"), ("{", "not valid JSON")],
)
def test_another_file_is_an_error(tmp_path, broken, content, message):
    (tmp_path / "images").mkdir()
    (tmp_path / "set.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InvalidInputError, match=message):
        samples_of(coco, tmp_path, broken)


def test_a_file_without_categories_and_a_missing_folder_are_errors(tmp_path, broken):
    path = write_set(tmp_path, [annotation(1, 1)], {})
    with pytest.raises(InvalidInputError, match="has no categories"):
        samples_of(coco, tmp_path, broken)
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(coco.read(coco.Settings(path, tmp_path / "nowhere"), broken))
    with pytest.raises(ValueError, match="instructions must be at least 1"):
        coco.Settings(path, tmp_path, instructions=0)
