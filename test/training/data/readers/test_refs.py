"""RefCOCO, gRefCOCO and Ref-ZOM: one layout, three meanings of ``ann_id``."""

import json
import pickle

import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import grefcoco, refcoco, refzom
from test.training.data.readers import coco_files as files


def sentence(text, **changes):
    return {"sent_id": 5, "sent": text, "raw": text.upper(), "tokens": text.split(), **changes}


def ref(ann_id, *texts, image_id=1, **changes):
    return {"ref_id": 1, "image_id": image_id, "file_name": "a_16.jpg", "category_id": 47, "ann_id": ann_id,
            "split": "train", "sent_ids": [5], "sentences": [sentence(text) for text in texts],
            **changes}  # fmt: skip


def settings(folder, refs, name="refs(unc).p", reader=refcoco, **options):
    if not (folder / "instances.json").exists():
        files.instances(folder)
    path = folder / name
    path.write_bytes(pickle.dumps(refs, 2) if name.endswith(".p") else json.dumps(refs).encode())
    return reader.Settings(path, folder / "images", **options)


def read(reader, folder, refs, name="refs(unc).p", **options):
    return list(reader.read(settings(folder, refs, name, reader, **options), BrokenRecords()))


def test_refcoco_has_a_sample_per_sentence_and_takes_the_image_of_the_instance_file(tmp_path):
    first, second = read(refcoco, tmp_path, [ref(10, "left cup", "The cup.")])
    assert [s.instruction for s in (first, second)] == ["left cup", "The cup."]
    assert second.phrases[0].text == "the cup"
    assert first.image == "a.jpg"
    assert first.read().shape == (files.H, files.W, 3)
    assert (first.source, first.split, first.labels) == ("refcoco", "train", {"cardinality": "one"})
    assert (first.record, second.record) == ("[0].sentences[0]", "[0].sentences[1]")
    assert first.masks().shape == (1, files.H, files.W)
    assert first.masks().sum() == 320


@pytest.mark.parametrize("name", ["refcoco", "refcoco+", "refcocog"])
def test_the_folder_tells_which_refcoco_it_is(tmp_path, name):
    (tmp_path / name).mkdir()
    (sample,) = read(refcoco, tmp_path / name, [ref(10, "cup")], "refs(google).p")
    assert sample.source == name


def test_an_instance_of_crowd_form_is_read_from_its_run_lengths(tmp_path):
    (sample,) = read(refcoco, tmp_path, [ref(11, "the column")])
    assert sample.masks().sum() == files.H
    assert sample.masks()[0, :, 0].all()


def test_samples_of_an_image_follow_each_other(tmp_path):
    refs = [ref(10, "a"), ref(20, "b", image_id=2), ref(11, "c")]
    samples = read(refcoco, tmp_path, refs)
    assert [(s.image, s.instruction) for s in samples] == [("a.jpg", "a"), ("a.jpg", "c"), ("b.jpg", "b")]


def test_a_split_is_selected_and_an_unknown_one_is_an_error(tmp_path):
    refs = [ref(10, "a"), ref(10, "b", split="testA")]
    assert [s.instruction for s in read(refcoco, tmp_path, refs, split="testA")] == ["b"]
    with pytest.raises(InvalidInputError, match="no split 'test', only testA, train"):
        read(refcoco, tmp_path, refs, split="test")


def test_the_instance_file_may_be_elsewhere(tmp_path):
    other = files.instances(tmp_path / "other")
    (tmp_path / "images").mkdir()
    files.image(tmp_path)
    path = tmp_path / "refs(umd).p"
    path.write_bytes(pickle.dumps([ref(10, "cup")]))
    (sample,) = refcoco.read(refcoco.Settings(path, tmp_path / "images", instances=other), BrokenRecords())
    assert sample.masks().sum() == 320


def test_raw_text_stands_in_for_an_empty_sentence(tmp_path):
    refs = [ref(10, sentences=[sentence("", raw="The Cup")])]
    assert [s.instruction for s in read(refcoco, tmp_path, refs)] == ["The Cup"]


def test_pickles_of_python_2_are_read(tmp_path):
    files.instances(tmp_path)
    # protocol 0 of Python 2, whose texts are bytes: [{'image_id': 1, 'ann_id': 10, 'sentences':
    # [{'sent': 'caf\\xe9'}]}]
    content = rb"""(lp0
(dp1
S'image_id'
p2
I1
sS'ann_id'
p3
I10
sS'sentences'
p4
(lp5
(dp6
S'sent'
p7
S'caf\xe9'
p8
sasa."""
    (tmp_path / "refs(unc).p").write_bytes(content)
    (sample,) = refcoco.read(refcoco.Settings(tmp_path / "refs(unc).p", tmp_path / "images"), BrokenRecords())
    assert sample.instruction == "café"


@pytest.mark.parametrize("name", ["grefs(unc).json", "grefs(unc).p"])
def test_grefcoco_lists_targets_and_marks_none(tmp_path, name):
    refs = [
        ref([10, 11], "both cups", category_id=[47, 47]),
        ref([-1], "the fork", category_id=[-1]),
        ref([10], "a cup", category_id=[47]),
    ]
    samples = read(grefcoco, tmp_path, refs, name)
    assert [s.masks().sum((1, 2)).tolist() for s in samples] == [[320, files.H], [], [320]]
    assert [s.labels["cardinality"] for s in samples] == ["many", "none", "one"]
    assert samples[1].masks().shape == (0, files.H, files.W)
    assert {s.source for s in samples} == {"grefcoco"}


def test_refzom_has_no_target_where_the_source_is_zero(tmp_path):
    refs = [
        ref(10, "a cup", source="one"),
        ref([10, 11], "both", source="many"),
        ref(10, "the fork", source="zero"),
        ref([], "the lid", source="zero"),
    ]
    samples = read(refzom, tmp_path, refs)
    assert [len(s.masks()) for s in samples] == [1, 2, 0, 0]
    assert samples[3].masks().shape == (0, files.H, files.W)
    assert {s.source for s in samples} == {"refzom"}


@pytest.mark.parametrize(
    ("reader", "broken", "message"),
    [
        (refcoco, ref([10], "x"), "ann_id must be one integer"),
        (refcoco, ref(None, "x"), "ann_id must be one integer"),
        (refcoco, ref(99, "x"), "has no annotation 99"),
        (refcoco, ref(1 << 20000, "x"), "has no annotation of type int"),
        (refcoco, ref(20, "x"), "belongs to another image"),
        (refcoco, ref(12, "x"), "annotation 12 has no pixel"),
        (refcoco, ref(10, "x", image_id=7), "names no file for image 7"),
        (refcoco, ref(10, "x", image_id=[1]), "names no file for image of type list"),
        (refcoco, ref(10, " "), "[1].sentences[0]: the instruction is empty"),
        (refcoco, ref(10, sentences=["x"]), "[1].sentences[0]: expected an object with a text"),
        (refcoco, ref(10, sentences=[{"sent": 5}]), "a int; expected a text"),
        (refcoco, ref(10, sentences=None), "[1]: expected an object with a list of sentences"),
        (refcoco, 7, "[1]: expected an object with a list of sentences"),
        (grefcoco, ref([], "x"), "[-1] for no target"),
        (grefcoco, ref(-1, "x"), "ann_id must be a list"),
        (grefcoco, ref([10, -1], "x"), "has no annotation -1"),
        (grefcoco, ref(["10"], "x"), "has no annotation 10"),
        (refzom, ref([], "x", source="one"), 'unless source is "zero"'),
        (refzom, ref(-1, "x", source="many"), "has no annotation -1"),
    ],
)
def test_a_broken_ref_is_named_and_skipped(tmp_path, reader, broken, message):
    good = ref(10 if reader is refcoco else [10], "the cup")
    (problem,) = files.problems(reader, settings(tmp_path, [good, broken], reader=reader))
    assert message in problem


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 1, "file_name": "../a.jpg"}]}, "leads out of the image folder"),
        ({"images": [{"id": 1, "file_name": "c.jpg"}]}, "no image"),
        ({"images": [{"id": 1, "file_name": 3}]}, "names no file for image 1"),
        ({"images": [{"id": 1, "file_name": "a.jpg", "height": 0, "width": 5}]}, "integers in 1..65535"),
        ({"annotations": [files.annotation(10, "x")]}, "mask is a str"),
        ({"annotations": [files.annotation(10, None)]}, "annotation 10 has no pixel"),
        ({"annotations": [files.annotation(10, {"size": [1, 1], "counts": [1]})]}, "RLE has size"),
    ],
)
def test_a_broken_instance_is_named_with_the_ref_that_uses_it(tmp_path, changes, message):
    files.instances(tmp_path, **changes)
    (problem,) = files.problems(refcoco, settings(tmp_path, [ref(10, "the cup")]))
    assert "refs(unc).p: [0]: " in problem
    assert message in problem


def test_instance_records_without_an_id_or_with_a_repeated_one_are_broken(tmp_path):
    images = [{"id": 1, "file_name": "a.jpg"}, {"file_name": "b.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    files.instances(tmp_path, images=images)
    first, second = files.problems(refcoco, settings(tmp_path, [ref(10, "the cup")]))
    assert "images[1]: expected an object with an integer id" in first
    assert "images[2]: the id 1 is there twice" in second


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not valid JSON"), ("[]", "no list 'images'"), ("{}", "no list 'images'"), ("[" * 99999, "JSON")],
)
def test_an_instance_file_of_another_form_is_an_error(tmp_path, content, message):
    files.write(tmp_path / "instances.json", content)
    files.image(tmp_path)
    with pytest.raises(InvalidInputError, match=message):
        read(refcoco, tmp_path, [ref(10, "the cup")])


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path / "none"), BrokenRecords()))
    with pytest.raises(InvalidInputError, match=r"cannot read the annotations .*a\.p"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))
    (tmp_path / "a.p").write_bytes(pickle.dumps([ref(10, "x")]))
    with pytest.raises(InvalidInputError, match=r"cannot read the annotations .*instances\.json"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))
    (tmp_path / "a.p").write_bytes(pickle.dumps({}))
    with pytest.raises(InvalidInputError, match="holds a dict, not a list of refs"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))


def test_a_turned_image_and_its_masks_turn_together(tmp_path):
    image = {"id": 1, "file_name": "a.jpg", "width": files.W, "height": files.H}
    files.instances(tmp_path, images=[image])
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    pixels = np.zeros((files.H, files.W, 3), np.uint8)
    pixels[:, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "images" / "a.jpg", exif=turned, quality=100)
    (sample,) = read(refcoco, tmp_path, [ref(11, "the column")])
    rgb, (mask,) = sample.read(), sample.masks()
    assert mask.shape == rgb.shape[:2] == (files.W, files.H)
    assert rgb[mask].min() > 150 > rgb[~mask].mean()
