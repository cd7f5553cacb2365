import pytest

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import lvis
from test.training.data.coco_files import H, W, annotation, phrases, samples_of, write_set

NAMES = {
    1: "cup",
    2: "mouse_(computer_equipment)",
    3: "mouse_(animal)",
    4: "paper_plate",
    5: "fork",
    6: "cork",
}


def entry(**changes):
    return {
        "id": 1,
        "coco_url": "http://images.cocodataset.org/train2017/a.jpg",
        "width": W,
        "height": H,
        "neg_category_ids": [],
        "not_exhaustive_category_ids": [],
        **changes,
    }


@pytest.fixture
def read(tmp_path):
    """Reads a set of one image; its file lies where the URL says."""

    def read(annotations, seeds=60, **changes):
        write_set(tmp_path, annotations, NAMES, [entry(**changes)])
        (tmp_path / "images" / "train2017").mkdir()
        (tmp_path / "images" / "a.jpg").rename(tmp_path / "images" / "train2017" / "a.jpg")
        broken = BrokenRecords()
        return samples_of(lvis, tmp_path, broken, seeds=seeds), broken.problems

    return read


def test_only_negative_categories_are_absent(read):
    samples, problems = read([annotation(1, 1)], neg_category_ids=[4, 5])
    assert phrases(samples) == {"cup"}
    assert phrases(samples, "none") == {"paper plate", "fork"}
    assert {(s.image, s.source) for s in samples.values()} == {("train2017/a.jpg", "lvis")}
    assert not problems


def test_categories_annotated_in_part_are_neither_named_nor_absent(read):
    samples, _ = read(
        [annotation(1, 1), annotation(2, 1, 40, 8, 50, 18), annotation(3, 5)],
        not_exhaustive_category_ids=[1, 4],
        neg_category_ids=[1, 4, 6],
    )
    assert {s.phrases[0].text for s in samples.values()} == {"fork", "cork"}


@pytest.mark.parametrize(
    ("negative", "named", "absent"),
    [([], set(), set()), ([3], {"mouse"}, set()), ([2, 3], {"mouse"}, set()), ([3, 6], {"mouse"}, {"cork"})],
)
def test_a_noun_of_two_categories_needs_the_labels_of_both(read, negative, named, absent):
    samples, _ = read([annotation(1, 2), annotation(2, 5)], neg_category_ids=negative)
    assert phrases(samples) == named | {"fork"}
    assert phrases(samples, "none") == absent


def test_a_noun_of_two_categories_is_absent_where_both_are(read):
    samples, _ = read([annotation(1, 1)], neg_category_ids=[2, 5])
    assert phrases(samples, "none") == {"fork"}


def test_a_file_name_is_used_as_it_is(read):
    samples, problems = read([annotation(1, 1)], file_name="train2017/a.jpg", coco_url=None, seeds=2)
    assert {s.image for s in samples.values()} == {"train2017/a.jpg"}
    assert not problems


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coco_url": None}, "no coco_url"),
        ({"coco_url": "http://images.cocodataset.org/../a.jpg"}, "leads out of the image folder"),
        ({"neg_category_ids": 3}, "neg_category_ids is not a list of ids"),
        ({"not_exhaustive_category_ids": ["cup"]}, "not_exhaustive_category_ids is not a list of ids"),
    ],
)
def test_a_broken_image_is_reported(read, changes, message):
    samples, problems = read([annotation(1, 1)], seeds=1, **changes)
    assert not samples
    assert message in problems[0]


def test_missing_lists_are_empty(read):
    samples, problems = read([annotation(1, 1)], neg_category_ids=None, not_exhaustive_category_ids=None)
    assert {s.phrases[0].text for s in samples.values()} == {"cup"}
    assert not problems
