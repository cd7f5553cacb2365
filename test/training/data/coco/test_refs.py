import pickle

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import refcoco
from test.training.data import coco_files as files


def test_samples_of_an_image_follow_each_other(tmp_path):
    refs = [files.ref(10, "a"), files.ref(20, "b", image_id=2), files.ref(11, "c")]
    samples = files.read_refs(refcoco, tmp_path, refs)
    assert [(s.image, s.instruction) for s in samples] == [("a.jpg", "a"), ("a.jpg", "c"), ("b.jpg", "b")]


def test_a_split_is_selected_and_an_unknown_one_is_an_error(tmp_path):
    refs = [files.ref(10, "a"), files.ref(10, "b", split="testA")]
    assert [s.instruction for s in files.read_refs(refcoco, tmp_path, refs, split="testA")] == ["b"]
    with pytest.raises(InvalidInputError, match="no split 'test', only testA, train"):
        files.read_refs(refcoco, tmp_path, refs, split="test")


def test_the_instance_file_may_be_elsewhere(tmp_path):
    other = files.instances(tmp_path / "other")
    (tmp_path / "images").mkdir()
    files.image(tmp_path)
    path = tmp_path / "refs(umd).p"
    path.write_bytes(pickle.dumps([files.ref(10, "cup")]))
    (sample,) = refcoco.read(refcoco.Settings(path, tmp_path / "images", instances=other), BrokenRecords())
    assert sample.masks().sum() == 320


def test_raw_text_stands_in_for_an_empty_sentence(tmp_path):
    refs = [files.ref(10, sentences=[files.sentence("", raw="The Cup")])]
    assert [s.instruction for s in files.read_refs(refcoco, tmp_path, refs)] == ["The Cup"]


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


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path / "none"), BrokenRecords()))
    with pytest.raises(InvalidInputError, match=r"cannot read the annotations .*a\.p"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))
    (tmp_path / "a.p").write_bytes(pickle.dumps([files.ref(10, "x")]))
    with pytest.raises(InvalidInputError, match=r"cannot read .*instances\.json"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))
    (tmp_path / "a.p").write_bytes(pickle.dumps({}))
    with pytest.raises(InvalidInputError, match="holds a dict, not a list of refs"):
        list(refcoco.read(refcoco.Settings(tmp_path / "a.p", tmp_path), BrokenRecords()))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (files.ref(99, "x"), "[1]: instances.json has no annotation 99"),
        (files.ref(1 << 20000, "x"), "[1]: instances.json has no annotation of type int"),
        (files.ref(20, "x"), "[1]: annotation 20 belongs to another image"),
        (files.ref(12, "x"), "[1]: annotation 12 has no pixel"),
        (files.ref(10, "x", image_id=7), "names no file for image 7"),
        (files.ref(10, "x", image_id=[1]), "names no file for image of type list"),
        (files.ref(10, " "), "[1].sentences[0]: the instruction is empty"),
        (files.ref(10, sentences=["x"]), "[1].sentences[0]: expected an object with a text"),
        (files.ref(10, sentences=[{"sent": 5}]), "a int; expected a text"),
        (files.ref(10, sentences=None), "[1]: expected an object with a list of sentences"),
        (7, "[1]: expected an object with a list of sentences"),
    ],
)
def test_a_broken_ref_is_named_and_skipped(tmp_path, broken, message):
    settings = files.refs_settings(refcoco, tmp_path, [files.ref(10, "the cup"), broken])
    (problem,) = files.problems(refcoco, settings)
    assert message in problem
