"""Items of an annotation folder."""

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.annotation.items import ItemWriter, read_items


def test_items_are_read_as_written(folder):
    items = read_items(folder)
    assert [item.id for item in items] == [f"{n:05d}-kitchen-{c}-jpg" for n, c in enumerate("abc")]
    assert items[0].masks().sum((1, 2)).tolist() == [150, 150, 260]
    assert "coffee mug" in items[0].instances[0]["words"]
    with pytest.raises(InvalidInputError, match="items already"):
        ItemWriter(folder)


def test_an_empty_mask_is_an_error(tmp_path):
    writer = ItemWriter(tmp_path)
    writer.add("a", np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4), bool), ["mug"])
    writer.finish()
    with pytest.raises(InvalidInputError, match="empty mask"):
        read_items(tmp_path)[0].masks()


def test_damaged_lists_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match="--sets"):
        read_items(tmp_path)
    (tmp_path / "items.json").write_text('[{"id": "a"}]')
    with pytest.raises(InvalidInputError, match="no list of items"):
        read_items(tmp_path)
