import pytest

from instructsam_ros.training.data.coco.annotation_file import read_coco
from instructsam_ros.training.data.coco.labels import CocoSettings, federated_labels, noun_labels
from instructsam_ros.training.data.image_files import image_file
from test.training.data.coco_files import W, annotation, write_set

NAMES = {1: "cup", 2: "fork", 3: "spoon", 4: "plate"}


@pytest.fixture
def parts(tmp_path):
    path = write_set(tmp_path, [annotation(1, 1), annotation(2, 2), annotation(3, 3, iscrowd=1)], NAMES)
    file = read_coco(path)
    return file, file.images[0], image_file(tmp_path / "images", "a.jpg")


def test_what_is_labelled_absent_and_ambiguous(parts):
    labels = noun_labels(*parts, incomplete={2}, absent={3, 4})
    assert [entity.noun for entity in labels.entities] == ["cup"]
    assert labels.entities[0].span == (8 / W, 24 / W)
    assert labels.entities[0].masks().sum() == 320
    assert labels.exhaustive == {"cup"}
    assert labels.ambiguous == {"fork", "spoon"}
    assert labels.absent == {"plate"}


def test_without_lists_nothing_is_absent(parts):
    labels = federated_labels(*parts)
    assert (labels.exhaustive, labels.absent) == ({"cup", "fork"}, frozenset())


def test_ids_of_no_category_are_ignored(parts):
    labels = noun_labels(*parts, incomplete={77}, absent={78})
    assert labels.absent == frozenset()
    assert labels.exhaustive == {"cup", "fork"}


def test_settings_are_checked(tmp_path):
    with pytest.raises(ValueError, match="seed must be at least 0"):
        CocoSettings(tmp_path, tmp_path, seed=-1)
