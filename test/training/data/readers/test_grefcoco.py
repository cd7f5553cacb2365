import pytest

from instructsam_ros.training.data.readers import grefcoco
from test.training.data import coco_files as files


@pytest.mark.parametrize("name", ["grefs(unc).json", "grefs(unc).p"])
def test_grefcoco_lists_targets_and_marks_none(tmp_path, name):
    refs = [
        files.ref([10, 11], "both cups", category_id=[47, 47]),
        files.ref([-1], "the fork", category_id=[-1]),
        files.ref([10], "a cup", category_id=[47]),
    ]
    samples = files.read_refs(grefcoco, tmp_path, refs, name)
    assert [s.masks().sum((1, 2)).tolist() for s in samples] == [[320, files.H], [], [320]]
    assert [s.labels["cardinality"] for s in samples] == ["many", "none", "one"]
    assert samples[1].masks().shape == (0, files.H, files.W)
    assert {s.source for s in samples} == {"grefcoco"}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (files.ref([], "x"), "[-1] for no target"),
        (files.ref(-1, "x"), "ann_id must be a list"),
        (files.ref([10, -1], "x"), "has no annotation -1"),
        (files.ref(["10"], "x"), "has no annotation 10"),
    ],
)
def test_a_broken_ref_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(
        grefcoco, files.refs_settings(grefcoco, tmp_path, [files.ref([10], "the cup"), broken])
    )
    assert "[1]: " in problem
    assert message in problem
