import contextlib
import json

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.inst2seg import load_inst2seg
from instructsam_ros.training.data.mask_codec import mask_api

H, W = 48, 64
SQUARE = [8, 8, 24, 8, 24, 28, 8, 28]
BOTTOM = {"size": [H, W], "counts": [0, H, H * W - H]}  # the first column: runs go down columns


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((H, W, 3), (10, 20, 200), np.uint8))
    return tmp_path


def write(folder, entries):
    path = folder / "set.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def entry(*annotation, **changes):
    return {"image": "a.png", "height": H, "width": W, "annotation": list(annotation), **changes}


def masks_of(folder, mask):
    annotations = write(folder, [entry({"text": "the cup", "mask": mask})])
    (image,) = load_inst2seg(annotations, folder / "images")
    return image.masks(image.items[0])


@pytest.mark.parametrize(
    ("mask", "pixels"),
    [
        (None, []),
        ([], []),
        (BOTTOM, [H]),
        ([SQUARE], [320]),
        ([SQUARE, [40, 8, 50, 8, 50, 18, 40, 18]], [420]),  # two polygons, one instance
        ([[SQUARE], [[40, 8, 50, 8, 50, 18, 40, 18]]], [320, 100]),  # two instances
        ([BOTTOM, [SQUARE]], [H, 320]),
        ([BOTTOM, BOTTOM], [H, H]),
        ([SQUARE, []], [320]),  # as VISOR writes some
        ([[SQUARE], []], [320]),
        ([[]], []),
    ],
)
def test_every_form_of_mask(folder, mask, pixels):
    masks = masks_of(folder, mask)
    assert masks.dtype == bool
    assert masks.shape == (len(pixels), H, W)
    assert masks.sum((1, 2)).tolist() == pixels


def test_compressed_rle_and_orientation(folder):
    truth = np.zeros((H, W), np.uint8)
    truth[3:7, 40:60] = 1
    rle = mask_api().encode(np.asfortranarray(truth))
    masks = masks_of(folder, {"size": [H, W], "counts": rle["counts"].decode()})
    assert np.array_equal(masks[0], truth.astype(bool))
    assert masks_of(folder, BOTTOM)[0, :, 0].all()


def test_labels_text_and_image(folder):
    items = {"text": " the cup ", "level": "simple", "kind": 3, "comment": "x"}, {"text": "the fork"}
    (image,) = load_inst2seg(write(folder, [entry(*items)]), folder / "images")
    assert [(i.text, i.labels) for i in image.items] == [
        ("the cup", {"level": "simple", "kind": "3"}),
        ("the fork", {}),
    ]
    assert image.read()[0, 0].tolist() == [200, 20, 10]  # RGB


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ({"images": []}, "expected a list of images, got dict"),
        ("[" * 100_000, "not valid JSON"),
        ([entry({"text": "x", "mask": [SQUARE]}, height=10**20)], r"must be integers in 1\.\.65535"),
        ([entry(width=1e20)], r"must be integers in 1\.\.65535"),
        ([7], r"\[0\]: expected an object with image"),
        ([entry(height=None)], "height None"),
        ([entry(height=True)], "height True"),
        ([entry(image=3)], "image must be a path"),
        ([entry(image="b.png")], "no image"),
        ([entry(height=W, width=H)], "is 64x48, the annotation says 48x64"),
        ([entry({"mask": BOTTOM})], r"annotation\[0\]: expected an object with a text"),
        ([entry({"text": " "})], "instruction is empty"),
        ([entry({"text": "x", "mask": "abc"})], "mask is a str"),
        ([entry({"text": "x", "mask": [3]})], "neither an RLE"),
        ([entry({"text": "x", "mask": [[1, 2, 3, 4]]})], "neither an RLE"),
        ([entry({"text": "x", "mask": [[[0, 0, float("nan"), 1, 1, 1]]]})], "neither an RLE"),
        ([entry({"text": "x", "mask": {"size": [W, H], "counts": []}})], "RLE has size"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": [5]}})], "do not add up"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": [-5, H * W + 5]}})], "do not add up"),
        ([entry({"text": "x", "mask": [[[0, 0, 1e12, 1, 1, 1]]]})], "far beyond the image"),
        ([entry({"text": "x", "mask": [[[0, 0, 10**400, 1, 1, 1]]]})], "far beyond the image"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": "PP"}})], "cannot be decoded"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": "5 5"}})], "contains ' '"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": ""}})], "do not add up"),
        ([entry({"text": "x", "mask": {"size": [H, W], "counts": None}})], "counts of an RLE are a NoneType"),
        ([entry(image="a\0.png")], "not a readable image"),
    ],
)
def test_what_is_wrong_is_named(folder, content, message):
    with pytest.raises(InvalidInputError, match=message):
        load_inst2seg(write(folder, content), folder / "images")


def test_all_problems_come_in_one_list_with_counts(folder):
    (folder / "images" / "broken.png").write_bytes(b"not a picture")
    entries = [entry({"text": ""}, {"text": "x", "mask": 1}), entry(), entry(image="broken.png")]
    with pytest.raises(InvalidInputError, match="3 problems in 2 of 3 entries") as caught:
        load_inst2seg(write(folder, entries), folder / "images")
    assert "broken.png is not a readable image" in str(caught.value)
    with pytest.raises(InvalidInputError, match="and 10 more"):
        load_inst2seg(write(folder, [entry(image="b.png")] * 30), folder / "images")


def test_missing_file_and_folder_are_named(folder):
    with pytest.raises(InvalidInputError, match=r"nowhere\.json"):
        load_inst2seg(folder / "nowhere.json", folder)
    with pytest.raises(InvalidInputError, match="no image folder"):
        load_inst2seg(write(folder, []), folder / "nowhere")


def test_image_data_that_breaks_off_is_an_error(folder):
    noise = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (folder / "images" / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidInputError, match="not a readable image"):
        load_inst2seg(write(folder, [entry({"text": "x"})]), folder / "images")


@pytest.mark.parametrize("suffix", ["png", "avif", "webp", "gif", "tiff"])
def test_damage_of_any_kind_is_an_error(folder, suffix):
    """PIL's readers raise SyntaxError, RuntimeError and more."""
    path = folder / "images" / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
    try:
        Image.fromarray(noise).save(path)
    except (KeyError, ValueError):
        pytest.skip(f"this PIL writes no {suffix}")
    whole = path.read_bytes()
    annotations = write(folder, [entry({"text": "x"}, image=path.name)])
    (image,) = load_inst2seg(annotations, folder / "images")
    for start in range(8, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:start] + bytes(len(whole[start : start + 30])) + whole[start + 30 :])
        for reader in (lambda: load_inst2seg(annotations, folder / "images"), image.read):
            with contextlib.suppress(InvalidInputError):  # damage to pixels alone may go unnoticed
                reader()


def test_a_picture_that_exif_turns_is_named(folder):
    """Its masks were drawn upright, and the pixels lie on their side."""
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (W, H)).save(folder / "images" / "a.jpg", exif=turned)
    with pytest.raises(InvalidInputError, match="64x48, the annotation says 48x64; its EXIF orientation"):
        load_inst2seg(write(folder, [entry(image="a.jpg", width=H, height=W)]), folder / "images")


def test_16_bit_grey_is_scaled(folder):
    ramp = np.linspace(0, 65535, H * W).reshape(H, W).astype(np.uint16)
    cv2.imwrite(str(folder / "images" / "a.png"), ramp)
    (image,) = load_inst2seg(write(folder, [entry({"text": "x"})]), folder / "images")
    assert image.read().shape == (H, W, 3)
    assert np.abs(image.read()[..., 0].astype(int) - ramp // 256).max() <= 1


def test_instructions_are_samples_with_one_phrase_each(folder):
    items = ({"text": "The cup.", "mask": [SQUARE], "kind": "concept", "split": "val"}, {"text": "A lid"})
    (image,) = load_inst2seg(write(folder, [entry(*items)]), folder / "images")
    first, second = image.samples()
    assert (first.image, first.instruction, first.split) == ("a.png", "The cup.", "val")
    assert first.labels["kind"] == "concept"
    assert first.read().shape == (H, W, 3)
    (phrase,) = first.phrases
    assert (phrase.text, phrase.masks().sum()) == ("the cup", 320)
    assert second.phrases[0].masks().shape == (0, H, W)
