"""The table of the data engines."""

from benchmarks.data_engines import HEAD, hmpl_row, inst2seg_row
from benchmarks.scripted_answers import Scene
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths


def test_without_errors_everything_that_is_kept_is_right():
    root = DATA / "scenes"
    scenes = [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(root)[:2]]
    row = inst2seg_row(scenes, root, 0.0, True)
    assert row.kept > 5
    assert (row.before, row.precision, row.retries) == (1.0, 1.0, 0)
    assert str(row).count("|") == HEAD.splitlines()[0].count("|")
    wrong = inst2seg_row(scenes, root, 0.5, True)
    assert wrong.before < 1
    assert wrong.kept < row.kept
    described = hmpl_row(scenes, root, 0.0)
    assert described.precision == 1.0
