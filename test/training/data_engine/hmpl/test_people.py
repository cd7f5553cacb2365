"""What people wrote becomes one-to-many records."""

import numpy as np

from instructsam_ros.training.annotation.items import ItemWriter, read_items
from instructsam_ros.training.annotation.store import Annotation, AnnotationStore, Judgement, Verdicts
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data_engine.generate import generate
from instructsam_ros.training.data_engine.hmpl.people import people_items
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine


def annotated(folder, scene):
    ids = [entry["id"] for entry in scene.view.meta["objects"][:3]]
    masks = np.stack([scene.view.ids == each for each in ids])
    writer = ItemWriter(folder)
    writer.add("a", scene.view.rgb, masks, ["mug", "mug", "bowl"])
    writer.finish()
    (item,) = read_items(folder)
    points = [{"x": 1, "y": 1, "instance": number} for number in (0, 1)]
    subset = {"id": "s1", "points": points, "referring": "both mugs", "reasoning": "for coffee"}
    unfinished = {"id": "s2", "points": points, "referring": "both mugs"}
    store = AnnotationStore(folder)
    store.save(Annotation(item=item.id, person="ann", subsets=[subset, unfinished]))
    return store, item, masks


def test_complete_subsets_are_polished_and_written(serve, hmpl, scenes, tmp_path):
    _, _, masks = annotated(tmp_path / "people", scenes[0])
    config = hmpl(serve(), sets=[], people=[str(tmp_path / "people")])
    report, sets = generate(HmplEngine(config), lambda _: None)
    assert report["records"] == 1
    samples = list(parse_data_sets(sets, "sets")[0].read(BrokenRecords()))
    assert [sample.instruction for sample in samples] == ["both mugs", "for coffee"]
    assert samples[0].labels["cardinality"] == "many"
    assert (samples[0].masks() == masks[:2]).all()


def test_what_an_inspector_rejected_is_left_out(scenes, tmp_path):
    store, item, _ = annotated(tmp_path, scenes[0])
    assert len(list(people_items(tmp_path))) == 1
    judgements = {"s1": Judgement(verdict="reject")}
    store.judge(Verdicts(item=item.id, author="ann", person="bob", of_revision=1, judgements=judgements))
    assert not list(people_items(tmp_path))
