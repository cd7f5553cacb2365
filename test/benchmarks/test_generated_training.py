"""The benchmark of training on generated instructions."""

from benchmarks.generated_training import draw_equally, generated_sets
from benchmarks.scripted_answers import Scene
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mixture import read_all
from instructsam_ros.training.data.registry import parse_data_set


def test_rows_have_equally_many_instructions_and_are_read_back(tmp_path):
    root = DATA / "scenes"
    scenes = [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(root)[:2]]
    sets = generated_sets(scenes, root, tmp_path, 0.4)
    assert list(sets) == ["exact", "errors", "errors, second look"]
    count = draw_equally(sets)
    assert count > 0
    for each in sets.values():
        broken = BrokenRecords()
        assert len(read_all(parse_data_set(each, "sets"), broken)) == count
        assert broken.problems == []
