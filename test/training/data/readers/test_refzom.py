import pytest

from instructsam_ros.training.data.readers import refzom
from test.training.data import coco_files as files


def test_refzom_has_no_target_where_the_source_is_zero(tmp_path):
    refs = [
        files.ref(10, "a cup", source="one"),
        files.ref([10, 11], "both", source="many"),
        files.ref(10, "the fork", source="zero"),
        files.ref([], "the lid", source="zero"),
    ]
    samples = files.read_refs(refzom, tmp_path, refs)
    assert [len(s.masks()) for s in samples] == [1, 2, 0, 0]
    assert samples[3].masks().shape == (0, files.H, files.W)
    assert {s.source for s in samples} == {"refzom"}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (files.ref([], "x", source="one"), 'unless source is "zero"'),
        (files.ref(None, "x"), 'unless source is "zero"'),
        (files.ref(-1, "x", source="many"), "has no annotation -1"),
    ],
)
def test_a_broken_ref_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(
        refzom, files.refs_settings(refzom, tmp_path, [files.ref(10, "the cup"), broken])
    )
    assert "[1]: " in problem
    assert message in problem
