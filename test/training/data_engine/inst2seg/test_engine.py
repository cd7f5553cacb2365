"""Stages on one frame."""

import pytest

from benchmarks.scripted_masks import ScriptedMasks
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data_engine.generate import call_journal, new_asker
from instructsam_ros.training.data_engine.inst2seg.engine import FrameFile
from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine


def test_questions_about_the_same_objects_share_an_object_id(serve, inst2seg, scenes):
    server = serve()
    engine = Inst2SegEngine(inst2seg(server, questions=12), ScriptedMasks(scenes))
    journal = call_journal(engine.out)
    outcome = engine.stages(new_asker(engine, journal))(engine.items()[0])
    journal.close()
    by_id = {}
    for record in outcome.records:
        key = (scenes[0].name, record["question"]["question"])
        by_id.setdefault(record["object_id"], set()).add(server.answers.truth[key])
    assert len(by_id) > 1
    assert all(len(truths) == 1 for truths in by_id.values())
    assert server.log.replies["check"] <= len(by_id) + len(outcome.dropped)


def test_a_file_that_is_no_picture_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(InvalidInputError, match="no picture"):
        FrameFile(tmp_path / "a.jpg", "a.jpg", {}).read()
