"""The HMPL engine from labelled pictures to a data set that the trainer reads."""

from __future__ import annotations

import json

from instructsam_ros.training.annotation.items import read_items
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data_engine.generate import generate
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine
from instructsam_ros.training.data_engine.target_words import target_words, used_words


def quiet(_):
    pass


def test_the_records_are_read_by_the_reader(serve, hmpl):
    config = hmpl(serve())
    report, sets = generate(HmplEngine(config), quiet)
    assert report["records"] == report["items"] == 6
    broken = BrokenRecords()
    samples = [sample for entry in parse_data_sets(sets, "sets") for sample in entry.read(broken)]
    assert not broken.problems
    assert {sample.labels["level"] for sample in samples} >= {"simple", "complex"}
    for sample in samples:
        assert sample.masks().shape[0] == 1
        assert sample.masks().any()
        assert sample.labels["cardinality"] == "one"


def test_complex_texts_do_not_name_the_target_although_the_model_does(serve, hmpl):
    config = hmpl(serve(named=0.5))
    generate(HmplEngine(config), quiet)
    content = json.loads((config.out / "HMPL-Instruct_1to1" / "sam3i_train.json").read_text())
    nouns = {entry["id"]: entry["name"] for entry in content["categories"]}
    assert content["images"]
    for image in content["images"]:
        words = target_words(nouns[int(image["queried_category"])])
        assert not [t for t in image["text_inst_input"]["complex_query"] if used_words(t, words)]
        assert image["provenance"]["prompts"] == 1
        assert image["provenance"]["calls"]["inspect"]


def test_what_the_inspector_refuses_goes_to_people(serve, hmpl):
    config = hmpl(serve(mistaken=1.0), rounds=2)
    report, sets = generate(HmplEngine(config), quiet)
    assert not sets
    assert report["states"] == {"parked": 6}
    assert report["reasons"].keys() == {"inspect: mistaken"}
    assert 6 * 2 <= report["reasons"]["inspect: mistaken"] <= 6 * 2 * 4  # one to all texts in each round
    items = read_items(config.out / "people")
    assert len(items) == 6
    assert all(len(item.target) == 1 and item.masks().any() for item in items)


def test_other_data_are_other_items(serve, hmpl):
    server = serve()
    first = HmplEngine(hmpl(server))
    assert first.fingerprint == HmplEngine(hmpl(server, limits={"calls": 7})).fingerprint
    assert first.fingerprint != HmplEngine(hmpl(server, rounds=1)).fingerprint
