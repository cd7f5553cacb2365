import json

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import egoobjects
from test.training.data.coco_files import H, W, annotation, phrases, samples_of, write_set

NAMES = {1: "cup", 2: "fork", 3: "spoon"}
ENTRY = {
    "id": 1,
    "url": "https://example.org/frames/a.jpg?size=full",
    "width": W,
    "height": H,
    "group_id": "g1",
    "neg_category_ids": [3],
    "neg_instance_ids": ["I7"],
}


def boxed(number, category, *box, **changes):
    entry = annotation(number, category, *box, instance_id=f"I{number}", **changes)
    del entry["segmentation"]
    return entry


@pytest.fixture
def broken():
    return BrokenRecords()


def test_boxes_are_the_masks(tmp_path, broken):
    write_set(tmp_path, [boxed(1, 1), boxed(2, 1, 40, 8, 50, 18)], NAMES, [ENTRY])
    samples = samples_of(egoobjects, tmp_path, broken)
    assert phrases(samples) == {"cup"}
    assert phrases(samples, "none") == {"spoon"}
    assert samples["both cups"].masks().sum((1, 2)).tolist() == [320, 100]
    assert samples["the leftmost cup"].masks()[0, 8:28, 8:24].all()
    assert all(s.boxes_only and (s.image, s.source) == ("a.jpg", "egoobjects") for s in samples.values())
    assert not broken.problems


def test_an_object_without_a_category_has_no_noun(tmp_path, broken):
    main = boxed(2, 2)
    del main["category_id"]
    write_set(tmp_path, [boxed(1, 1), main], NAMES, [ENTRY])
    assert phrases(samples_of(egoobjects, tmp_path, broken)) == {"cup"}
    assert not broken.problems


def test_categories_of_their_own_file(tmp_path, broken):
    write_set(tmp_path, [boxed(1, 1)], {}, [ENTRY])
    with pytest.raises(InvalidInputError, match="has no categories"):
        samples_of(egoobjects, tmp_path, broken)
    other = tmp_path / "metadata.json"
    other.write_text(json.dumps({"categories": [{"id": n, "name": name} for n, name in NAMES.items()]}))
    assert phrases(samples_of(egoobjects, tmp_path, broken, categories=other)) == {"cup"}


@pytest.mark.parametrize(
    ("annotations", "entry", "message"),
    [
        ([boxed(1, 1, bbox=[1, 2, 3])], ENTRY, "annotations[0]: [1, 2, 3] is no box"),
        ([boxed(1, 1, bbox=None)], ENTRY, "annotations[0]: None is no box"),
        ([boxed(1, 1)], ENTRY | {"url": None}, "images[0]: the image has no url"),
        ([boxed(1, 1)], ENTRY | {"url": "https://example.org/b.jpg"}, "there is no image"),
    ],
)
def test_broken_records_are_reported(tmp_path, broken, annotations, entry, message):
    write_set(tmp_path, annotations, NAMES, [entry])
    assert not samples_of(egoobjects, tmp_path, broken, seeds=1)
    assert message in broken.problems[0]
