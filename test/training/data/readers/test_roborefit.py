import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import roborefit
from test.training.data import coco_files as files

EMPTY = {"size": [files.H, files.W], "counts": [files.H * files.W]}


def settings(folder, *entries):
    files.image(folder, "test/a.png")
    return roborefit.Settings(files.write(folder / "set.json", list(entries)), folder / "images")


def entry(**changes):
    return {"image": "test/a.png", "question": "the cup", "masks": files.COLUMN, **changes}


def test_either_name_of_the_text_and_every_number_of_masks(tmp_path):
    expression = {"image": "test/a.png", "expression": "Give me the fork.", "masks": EMPTY}
    both = entry(masks=[files.COLUMN, files.COLUMN])
    samples = list(roborefit.read(settings(tmp_path, entry(), expression, both), BrokenRecords()))
    assert [s.instruction for s in samples] == ["the cup", "Give me the fork.", "the cup"]
    assert [s.phrases[0].text for s in samples] == ["the cup", "give me the fork", "the cup"]
    assert [len(s.masks()) for s in samples] == [1, 0, 2]
    assert samples[0].masks()[0, :, 0].all()
    assert samples[1].masks().shape == (0, files.H, files.W)
    assert (samples[2].record, samples[2].source, samples[2].image) == ("[2]", "roborefit", "test/a.png")
    assert samples[0].read().shape == (files.H, files.W, 3)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (7, "expected an object with image"),
        (entry(image=None), "expected an object with image"),
        (entry(image="/a.png"), "leads out"),
        (entry(image="b.png"), "no image"),
        (entry(question=5), "expected a text as question or expression"),
        (entry(question=""), "instruction is empty"),
        (entry(masks=None), "masks is no RLE with a size"),
        (entry(masks=[]), "masks is no RLE with a size"),
        (entry(masks=[files.COLUMN, 7]), "neither an RLE"),
        (entry(masks={"size": [files.H, files.W], "counts": "PP"}), "cannot be decoded"),
    ],
)
def test_a_broken_record_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(roborefit, settings(tmp_path, broken, entry()))
    assert "set.json: [0]: " in problem
    assert message in problem


def test_files_of_another_form_are_errors(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a list"):
        list(roborefit.read(roborefit.Settings(files.write(tmp_path / "a", {}), tmp_path), BrokenRecords()))
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(roborefit.read(roborefit.Settings(tmp_path / "a", tmp_path / "none"), BrokenRecords()))
