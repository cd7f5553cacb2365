"""Contact sheets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.preview import write_contact_sheet
from instructsam_ros.scenes.sampling.splits import manifest
from test.scenes.scene_metadata import HEIGHT, ROW, WIDTH


def test_a_contact_sheet_too_large_for_its_format_is_refused(tmp_path: Path) -> None:
    view = dataclasses.replace(example_view(), rgb=np.zeros((17000, 96, 3), np.uint8))
    tall = dataclasses.replace(view, ids=np.zeros((17000, 96), np.uint8))
    with pytest.raises(InvalidInputError, match="too many"):
        write_contact_sheet([tall], tmp_path / "sheet.jpg")


def example_view() -> View:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(1, 5):
        ids[20 * number : 20 * number + 10, 50:90] = number
    meta = ROW | {"view": "table", "surface": manifest().surfaces[0]}
    return View(np.zeros((HEIGHT, WIDTH, 3), np.uint8), ids, np.zeros((HEIGHT, WIDTH), np.float32), meta)
