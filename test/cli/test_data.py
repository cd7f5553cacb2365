import json

import cv2
import numpy as np
import pytest

from instructsam_ros.cli import main

H, W = 48, 64
CUP = {"text": "the cup", "mask": [[8, 8, 24, 8, 24, 28, 8, 28]]}


@pytest.fixture
def source(tmp_path):
    """Arguments that name an Inst2Seg set with one image, one usable and one broken record."""
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((H, W, 3), 40, np.uint8))
    entries = [
        {"image": name, "height": H, "width": W, "annotation": [CUP, {"text": "the fork"}]}
        for name in ("a.png", "gone.png")
    ]
    (tmp_path / "set.json").write_text(json.dumps(entries))
    return [str(tmp_path / "set.json"), "--format", "inst2seg", f"images={tmp_path / 'images'}"]


def test_inspect_prints_a_report_and_writes_a_sheet(source, tmp_path, capsys):
    assert main(["data", "inspect", *source, "--sheet", str(tmp_path / "sheet.png")]) == 0
    printed = capsys.readouterr().out
    assert "2 usable, 1 records broken" in printed
    assert "gone.png" in printed
    assert cv2.imread(str(tmp_path / "sheet.png")).std() > 0


def test_inspect_of_nothing_usable_has_status_1(source, tmp_path, capsys):
    (tmp_path / "images" / "a.png").unlink()
    assert main(["data", "inspect", *source, "--sheet", str(tmp_path / "sheet.png")]) == 1
    assert "0 usable, 2 records broken" in capsys.readouterr().out
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_of_another_kind_is_refused_before_anything_is_read(source, capsys):
    assert main(["data", "inspect", *source, "--sheet", "sheet.tiff"]) == 2
    assert "ends in .png or .jpg" in capsys.readouterr().err


def test_convert_prints_the_configuration_of_the_new_set(source, tmp_path, capsys):
    path, *options = source
    assert main(["data", "convert", path, str(tmp_path / "out"), "--to", "shards", *options]) == 0
    printed = capsys.readouterr().out
    assert "gone.png" in printed
    assert "2 instructions" in printed
    (tmp_path / "sets.yaml").write_text(printed[printed.index("sets:") :])
    assert main(["data", "inspect", str(tmp_path / "sets.yaml")]) == 0
    assert "2 usable, 0 records broken" in capsys.readouterr().out
