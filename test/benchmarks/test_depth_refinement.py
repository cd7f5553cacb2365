"""Both rows of the table, on the sample scenes."""

import sys

import instructsam_ros
from benchmarks import depth_refinement
from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.paths import DATA


def test_rows_with_and_without_refinement(monkeypatch, capsys):
    monkeypatch.setattr(instructsam_ros, "load", lambda *_, **__: FakeSegmenter())
    refined = []

    def count(frame, answer, refinement):
        refined.append(frame.depth is not None)
        return answer

    monkeypatch.setattr("instructsam_ros.training.evaluation.evaluator.refine_with_depth", count)
    monkeypatch.setattr(sys, "argv", ["depth_refinement", str(DATA / "scenes")])
    depth_refinement.main()
    *_, without, with_depth = capsys.readouterr().out.strip().splitlines()
    assert without.split("|")[2:] == with_depth.split("|")[2:]
    assert int(without.split("|")[2]) == len(refined) > 10
    assert all(refined)
