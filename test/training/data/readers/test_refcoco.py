import pytest

from instructsam_ros.training.data.readers import refcoco
from test.training.data import coco_files as files


def test_refcoco_has_a_sample_per_sentence_and_takes_the_image_of_the_instance_file(tmp_path):
    first, second = files.read_refs(refcoco, tmp_path, [files.ref(10, "left cup", "The cup.")])
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
    (sample,) = files.read_refs(refcoco, tmp_path / name, [files.ref(10, "cup")], "refs(google).p")
    assert sample.source == name


def test_an_instance_of_crowd_form_is_read_from_its_run_lengths(tmp_path):
    (sample,) = files.read_refs(refcoco, tmp_path, [files.ref(11, "the column")])
    assert sample.masks().sum() == files.H
    assert sample.masks()[0, :, 0].all()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (files.ref([10], "x"), "ann_id must be one integer"),
        (files.ref(None, "x"), "ann_id must be one integer"),
        (files.ref(-1, "x"), "has no annotation -1"),
    ],
)
def test_a_broken_ref_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(
        refcoco, files.refs_settings(refcoco, tmp_path, [files.ref(10, "the cup"), broken])
    )
    assert "[1]: " in problem
    assert message in problem
