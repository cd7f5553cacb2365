"""Objects with nouns of two kinds of data sets."""

from instructsam_ros.paths import DATA
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data_engine.labelled_objects import labelled_images


def test_instances_of_noun_phrases_are_objects():
    entry = {"format": "scenes", "root": str(DATA / "scenes"), "nouns": True}
    images = list(labelled_images(parse_data_sets([entry], "sets"), BrokenRecords()))
    assert len(images) == 6
    for image in images:
        nouns = [each.noun for each in image.objects]
        for each in image.objects:
            assert each.mask().shape == image.read().shape[:2]
            assert each.alone == (nouns.count(each.noun) == 1)
    assert len(images[0].objects) > 3
