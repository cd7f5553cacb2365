"""InstructSamSegmenter with the weights in the package, on sample scenes."""

from __future__ import annotations

import pytest

from instructsam_ros.backends.instructsam import load
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.types import PhraseAnswer, Status
from test.backends.test_instructsam import equal


@pytest.mark.parametrize("instruction", ["something to drink from", "I need something to drink from"])
def test_compact_model_finds_something_to_drink_from(instruction: str) -> None:
    """The plainest purpose of all; the sample scene has three mugs and no glass."""
    rgb = load_view(view_paths(DATA / "scenes")[3], depth=False).rgb
    found = load("compact", "cpu").segment_image(rgb, instruction)
    assert [i.phrase for i in found.instances] == ["drinking vessel"] * 3


def test_the_compact_model_is_asked_for_each_of_several_kinds() -> None:
    """On a sample scene with three mugs and no bowl."""
    view = load_view(view_paths(DATA / "scenes")[0])
    compact = load("compact", "cpu", dtype="float32")
    features = compact.encode(view.rgb)
    result = compact.segment(features, "the mugs and the bowl")
    assert result.status == Status.OK
    assert {instance.phrase for instance in result.instances} == {"mugs"}
    assert result.phrases == (PhraseAnswer("mugs", Status.OK), PhraseAnswer("bowl", Status.NO_TARGET))
    alone = compact.segment(features, "the mugs")
    assert [i.mask.sum() for i in result.instances] == [i.mask.sum() for i in alone.instances]
    again = compact.segment(features, "the mugs and the bowl", previous=result)
    assert equal(again, result)


def test_the_model_for_real_cameras_finds_every_mug_of_the_demo() -> None:
    """Three mugs, two of them scanned ones, among a can, a bottle and other things."""
    view = load_view(DATA / "demo" / "table.jpg", depth=False)
    mugs = [view.ids == item["id"] for item in view.meta["objects"] if item["category"] == "mug"]
    found = [
        i.mask for i in load("compact_real", "cpu").segment_image(view.rgb, "pick up all the mugs").instances
    ]
    overlaps = [[(mask & mug).sum() / (mask | mug).sum() for mask in found] for mug in mugs]
    assert len(found) == 3
    assert all(max(row) > 0.6 for row in overlaps), overlaps
