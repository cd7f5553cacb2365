"""``instructsam export onnx``: its report, exit status, and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instructsam_ros.cli import main
from instructsam_ros.cli.export import describe
from instructsam_ros.models.common import hub
from instructsam_ros.models.instructsam import onnx_export
from instructsam_ros.models.instructsam.onnx_export import Parity
from instructsam_ros.results import write_png

ROUNDING = Parity("detector", "boxes", "random", 1e-6, 0.9)
WRONG = Parity("detector", "mask_logits", "random", 0.2, 100.0)


def test_the_report_has_a_line_per_output() -> None:
    assert [line.split() for line in describe([ROUNDING, WRONG]).splitlines()[1:]] == [
        ["detector", "boxes", "random", "1.0e-06", "0.9"],
        ["detector", "mask_logits", "random", "2.0e-01", "100"],
    ]


@pytest.mark.parametrize(("report", "status"), [((ROUNDING,), 0), ((ROUNDING, WRONG), 1)])
def test_a_difference_beyond_rounding_is_exit_status_1(
    report: tuple[Parity, ...],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures: list[np.ndarray] = []
    monkeypatch.setattr(hub, "checkpoint_folder", Path)
    monkeypatch.setattr(onnx_export, "export", lambda folder, out, images: pictures.extend(images) or report)
    write_png(tmp_path / "one.png", np.full((5, 6, 3), 7, np.uint8))
    (tmp_path / "notes.txt").write_text("skipped")
    arguments = [str(tmp_path), str(tmp_path / "out"), "--images", str(tmp_path)]
    assert main(["export", "onnx", *arguments]) == status
    assert ("more than rounding" in capsys.readouterr().out) == bool(status)
    assert [picture.shape for picture in pictures] == [(5, 6, 3)]


def test_an_unreadable_picture_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert main(["export", "onnx", "compact", str(tmp_path / "out"), "--images", str(tmp_path)]) == 2
    assert "broken.png is not a readable picture" in capsys.readouterr().err


def test_a_folder_without_pictures_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["export", "onnx", "compact", str(tmp_path / "out"), "--images", str(tmp_path)]) == 2
    assert "there is no picture" in capsys.readouterr().err
