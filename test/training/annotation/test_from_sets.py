"""Annotation folders from data sets."""

import yaml

from instructsam_ros.paths import DATA
from instructsam_ros.training.annotation.from_sets import write_folder
from instructsam_ros.training.annotation.items import read_items


def test_every_image_becomes_an_item_with_its_objects(tmp_path):
    sets = tmp_path / "sets.yaml"
    sets.write_text(
        yaml.safe_dump({"sets": [{"format": "scenes", "root": str(DATA / "scenes"), "nouns": True}]})
    )
    assert write_folder(sets, tmp_path / "work") == 6
    items = read_items(tmp_path / "work")
    assert all(len(item.masks()) == len(item.instances) > 1 for item in items)
