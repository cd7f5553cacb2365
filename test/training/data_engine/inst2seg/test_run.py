"""The Inst2Seg engine from a folder of pictures to a data set that the trainer reads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.scripted_masks import ScriptedMasks
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data_engine.generate import generate
from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine
from instructsam_ros.types import mask_iou


def quiet(_):
    pass


def run(config, scenes):
    return generate(Inst2SegEngine(config, ScriptedMasks(scenes)), quiet)


def test_true_answers_are_kept_and_read_by_the_reader(serve, inst2seg, scenes):
    server = serve()
    report, sets = run(inst2seg(server), scenes)
    assert report["states"] == {"done": 3}
    assert report["records"] >= 12
    broken = BrokenRecords()
    samples = [sample for entry in parse_data_sets(sets, "sets") for sample in entry.read(broken)]
    assert len(samples) == report["records"]
    assert not broken.problems
    names = {scene.name: scene for scene in scenes}
    for sample in samples:
        scene = names[sample.image.split(".")[0]]
        truth = scene.mask(server.answers.truth[scene.name, sample.instruction])
        assert mask_iou(sample.masks().any(0), truth, empty=1.0) > 0.9
    assert any(not len(sample.masks()) for sample in samples)


@pytest.mark.parametrize("fault", ["count", "ground", "box"])
def test_wrong_answers_are_dropped(serve, inst2seg, scenes, fault):
    server = serve(**{fault: 1.0})
    report, sets = run(inst2seg(server), scenes)
    wrong = {text for _, text in server.answers.faulty}
    assert len(wrong) > 5
    kept = json.loads((inst2seg(server).out / "annotations.json").read_text()) if sets else []
    assert not wrong & {item["text"] for entry in kept for item in entry["annotation"]}
    assert sum(report["reasons"].values()) >= len(wrong)


def test_a_record_tells_where_it_comes_from(serve, inst2seg, scenes):
    config = inst2seg(serve())
    run(config, scenes)
    content = json.loads((config.out / "annotations.json").read_text())
    provenance = content[0]["annotation"][0]["provenance"]
    assert provenance["source"] == f"{scenes[0].name}.png"
    assert provenance["model"].startswith("scripted")
    keys = {json.loads(line)["key"] for line in (config.out / "journal" / "calls.jsonl").open()}
    assert set(provenance["calls"].values()) <= keys
    assert set(provenance["calls"]) == {"questions", "boxes", "check"}


def test_other_settings_of_frames_need_another_folder(serve, inst2seg, scenes, pictures):
    server = serve()
    engine = Inst2SegEngine(inst2seg(server), ScriptedMasks(scenes))
    assert len(engine.items()) == 3
    assert engine.items() == engine.items()
    np.testing.assert_equal(engine.items()[0].read().shape, scenes[0].view.rgb.shape)
    other = inst2seg(server, frames={"folder": str(pictures), "most": 1})
    with pytest.raises(InvalidInputError, match="another folder"):
        Inst2SegEngine(other, ScriptedMasks(scenes)).items()
