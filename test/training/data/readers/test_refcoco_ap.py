import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import refcoco_ap
from test.training.data import coco_files as files


def settings(folder, *entries):
    files.image(folder)
    return refcoco_ap.Settings(files.write(folder / "set.json", list(entries)), folder / "images")


def entry(**changes):
    return {"image": "a.jpg", "height": files.H, "width": files.W, "cat": ["left cup"],
            "masks": [files.COLUMN], **changes}  # fmt: skip


def test_a_sample_per_expression_with_its_own_mask(tmp_path):
    pairs = entry(cat=["a", "b", "c", "d"], masks=[files.COLUMN, [files.SQUARE], None, [files.COLUMN] * 2])
    samples = list(refcoco_ap.read(settings(tmp_path, pairs), BrokenRecords()))
    assert [s.instruction for s in samples] == ["a", "b", "c", "d"]
    assert [s.masks().sum((1, 2)).tolist() for s in samples] == [[48], [320], [], [48, 48]]
    assert (samples[1].record, samples[1].source, samples[1].image) == ("[0].cat[1]", "refcoco_ap", "a.jpg")
    assert samples[0].read().shape == (files.H, files.W, 3)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (7, "[0]: expected an object with image"),
        (entry(image="../a.jpg"), "leads out"),
        (entry(height=True), "height True and width 64 must be integers in 1..65535"),
        (entry(cat="left cup"), "must be lists of one length"),
        (entry(masks=[]), "must be lists of one length"),
        (entry(cat=[5]), "[0].cat[0]: the instruction is a int"),
        (entry(masks=["x"]), "[0].cat[0]: mask is a str"),
    ],
)
def test_a_broken_record_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(refcoco_ap, settings(tmp_path, broken, entry()))
    assert message in problem


def test_files_of_another_form_are_errors(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a list"):
        list(refcoco_ap.read(refcoco_ap.Settings(files.write(tmp_path / "a", {}), tmp_path), BrokenRecords()))
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(refcoco_ap.read(refcoco_ap.Settings(tmp_path / "a", tmp_path / "none"), BrokenRecords()))
