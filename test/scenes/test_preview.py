"""Contact sheets."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InstructSamError, InvalidInputError
from instructsam_ros.scenes.preview import outline, write_contact_sheet
from test.scenes.scene_metadata import HEIGHT, WIDTH, example_view


def test_a_contact_sheet_too_large_for_its_format_is_refused(tmp_path: Path) -> None:
    view = dataclasses.replace(example_view(), rgb=np.zeros((17000, 96, 3), np.uint8))
    tall = dataclasses.replace(view, ids=np.zeros((17000, 96), np.uint8))
    with pytest.raises(InvalidInputError, match="too many"):
        write_contact_sheet([tall], tmp_path / "sheet.jpg")


def test_a_sheet_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InstructSamError, match=r"cannot write .*sheet\.png"):
        write_contact_sheet([example_view()], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())


def test_targets_alone_are_tinted() -> None:
    view = example_view()
    shown = outline(view, (1, 3))
    for number in (1, 3):
        assert shown[view.ids == number].any(-1).all()
    assert not shown[view.ids == 2].any()
    assert not view.rgb.any(), "the view itself is unchanged"


def test_a_sheet_has_a_row_for_every_four_views(tmp_path: Path) -> None:
    for count, rows in ((1, 1), (5, 2)):
        write_contact_sheet([example_view()] * count, tmp_path / "sheet.png")
        height, width, _ = cv2.imread(str(tmp_path / "sheet.png")).shape
        assert (height // rows > HEIGHT, height % rows, width) == (True, 0, 4 * WIDTH)
