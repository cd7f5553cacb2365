import json

import numpy as np
import pytest
from PIL import Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.mask_codec import encode_masks
from instructsam_ros.training.data.readers import visor as reader
from instructsam_ros.training.data.readers.visor.even_odd_polygons import parse_polygons, polygon_masks
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.writers import visor


def masks_of(size, *boxes):
    masks = np.zeros((len(boxes), *size), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def converted(folder, items, size=(180, 320), name="P01_01/frame_1.png", boxes_only=False):
    """Convert (instruction, phrase, kind, boxes) and return the annotations of the one frame."""
    (folder / "P01_01").mkdir(exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(folder / name)
    image = ImageFile(folder / name)
    samples = []
    for text, phrase, kind, boxes in items:
        masks = masks_of(size, *boxes)
        phrases = (Phrase(phrase, lambda masks=masks: masks),)
        samples.append(Sample(name, image.read, text, phrases, boxes_only, labels={"kind": kind}))

    class MemorySet:
        format = "memory"

        def read(self, broken):
            return broken.count(iter(samples))

    convert([MemorySet()], folder / "out", "visor")
    video = name.split("/")[0] if "/" in name else "video"
    (frame,) = json.loads((folder / "out" / "annotations" / f"{video}.json").read_text())["video_annotations"]
    return frame["annotations"]


def given_back(folder, mask):
    Image.fromarray(np.zeros((*mask.shape[1:], 3), np.uint8)).save(folder / "a.png")
    polygons = parse_polygons(visor._polygons(encode_masks(mask)[0]), 1080, 1920)
    return polygon_masks(polygons, 1080, 1920, ImageFile(folder / "a.png"))()


@pytest.mark.parametrize("size", [(1080, 1920), (180, 320)])
@pytest.mark.parametrize("density", [0.001, 0.1, 0.3, 0.6, 0.9])
def test_polygons_give_the_mask_back(tmp_path, size, density):
    """Pixels alone, holes and holes in holes."""
    mask = np.zeros((1, *size), bool)
    mask[0, :60, -90:] = np.random.default_rng(7).random((60, 90)) < density
    assert np.array_equal(given_back(tmp_path, mask), mask)


@pytest.mark.parametrize("size", [(480, 854), (720, 1280), (900, 1600), (2160, 3840)])
def test_masks_of_other_sizes_change_at_their_edges_alone(tmp_path, size):
    rows, columns = np.indices(size) / size[0] - 0.5
    distance = np.hypot(rows, columns)
    found = given_back(tmp_path, distance[None] < 0.3)[0]
    assert found[distance < 0.3 - 2 / 480].all()
    assert not found[distance > 0.3 + 2 / 480].any()


def test_the_reader_finds_objects_hands_and_contacts_again(tmp_path):
    cup, plate = (10, 10, 60, 80), (200, 90, 280, 150)
    left, right = (60, 20, 110, 100), (240, 20, 300, 60)
    annotations = converted(
        tmp_path,
        [
            ("the cup", "cup", "noun", [cup]),
            ("the plate", "plate", "noun", [plate]),
            ("my hands", "hand", "hands", [left, right]),
            ("the left hand", "left hand", "noun", [left]),
            ("the right hand", "right hand", "noun", [right]),
            ("what my left hand is touching", "object", "contact", [cup]),
            ("the object in the right hand", "object", "contact", []),
        ],
    )
    named = {annotation["name"]: annotation for annotation in annotations}
    assert named.keys() == {"cup", "plate", "left hand", "right hand"}
    assert named["left hand"]["in_contact_object"] == named["cup"]["id"]
    assert named["right hand"]["in_contact_object"] == "hand-not-in-contact"
    assert (named["left hand"]["class_id"], named["right hand"]["class_id"]) == (300, 301)
    assert {annotation["exhaustive"] for annotation in annotations} == {"y"}
    values = reader.Settings(tmp_path / "out" / "annotations", tmp_path / "out" / "images", instructions=50)
    broken = BrokenRecords()
    found = {}
    for sample in reader.read(values, broken):
        found.setdefault(sample.phrases[0].text, []).append(sample)
    assert not broken.problems
    for name, box in (("cup", cup), ("plate", plate), ("left hand", left), ("right hand", right)):
        assert np.array_equal(found[name][0].masks(), masks_of((180, 320), box))
    assert {"contact", "hands"} <= {sample.labels["kind"] for samples in found.values() for sample in samples}


def test_what_is_not_known_to_be_all_is_not_exhaustive(tmp_path):
    (annotation,) = converted(tmp_path, [("the left cup", "cup", "place", [(0, 0, 9, 9)])], name="a.png")
    assert annotation["exhaustive"] == "inconclusive"


def test_boxes_and_images_of_another_shape_are_refused(tmp_path):
    items = [("the cup", "cup", "noun", [(0, 0, 9, 9)])]
    with pytest.raises(InvalidInputError, match="holds no boxes"):
        converted(tmp_path, items, boxes_only=True)
    with pytest.raises(InvalidInputError, match=r"is 64x48; the VISOR form holds images of 16:9"):
        converted(tmp_path, items, size=(48, 64))
