"""Batches name their samples, skip what cannot be read, and group by length in an order that repeats."""

import json

import pytest
import torch

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.objectives.instructsam.objective import InstructSamObjective


def batches(file, *overrides):
    return InstructSamObjective(load_settings(file, overrides)).batches


def test_a_batch_holds_masks_phrases_and_labels_of_the_answer_alone(file):
    made = batches(file)
    batch, tokens = made[0], made.tokens
    assert batch.ids.shape == batch.labels.shape == batch.valid.shape
    assert [len(truth.phrase_masks) for truth in batch.truths] == [1, 1]
    assert all(ids[0] == tokens.ref_start and len(ids) == 3 for ids in batch.phrase_ids)
    learned = batch.labels != -100
    assert torch.equal(batch.labels[learned], batch.ids[learned])
    assert not (batch.ids[learned] == tokens.seg).any()
    assert not (batch.ids[learned] == tokens.mask_end).any()
    assert (batch.ids[learned] == tokens.eos[0]).sum() == 2


def test_an_unreadable_image_is_named_counted_and_replaced_by_the_next_position(file, tmp_path, caplog):
    whole = batches(file, "data.batch=1")
    names = [whole[index].records[0] for index in range(6)]
    (tmp_path / "1.png").write_bytes(b"not an image")
    made = batches(file, "data.batch=1")
    for index, name in enumerate(names):
        batch = made[index]
        if "[1]." not in name:
            assert batch.records == (name,)
            assert not batch.skipped
            continue
        following = [made.samples[index + step].record for step in (1, 2, 3)]
        expected = next(record for record in following if not record.startswith("[1]"))
        assert batch.records == (f"inst2seg {expected}",)
        assert "1.png" in batch.skipped[0]
        assert name in batch.skipped[0]
    assert "1.png" in caplog.text
    assert len(made.broken.problems) >= 2


def test_a_run_in_which_no_image_can_be_read_stops(file, tmp_path):
    made = batches(file)
    for path in tmp_path.glob("*.png"):
        path.write_bytes(b"not an image")
    with pytest.raises(InvalidInputError, match=r"too many broken records[\s\S]*\.png"):
        made[0]


def test_batches_grouped_by_length_pad_less_and_take_every_position(file, tmp_path):
    entries = json.loads((tmp_path / "train.json").read_text())
    for number, entry in enumerate(entries):
        items = entry["annotation"]
        items[0]["text"] = "red mug " * (1 + 9 * (number % 2)) + "."
        items[1]["text"] = "blue bowl " * (1 + 5 * number)
    (tmp_path / "train.json").write_text(json.dumps(entries))
    plain, grouped = batches(file), batches(file, "data.group_by_length=true")
    again = batches(file, "data.group_by_length=true")
    window = grouped.groups.window

    def taken(made):
        return [made._positions(index) for index in range(window)]

    assert taken(grouped) == taken(again)
    assert [again._positions(3)] == taken(grouped)[3:4]
    assert sorted(p for batch in taken(grouped) for p in batch) == list(range(2 * window))
    padding = [
        sum(abs(made._length(a) - made._length(b)) for a, b in taken(made)) for made in (plain, grouped)
    ]
    assert padding[1] < padding[0] / 2


def test_samples_without_an_instance_can_be_taught_as_in_the_release(file):
    for choice, counts in (("true", {True}), ("false", {False})):
        made = batches(file, f"loss.empty_samples={choice}")
        truths = [truth for index in range(3) for truth in made[index].truths]
        assert {truth.counts for truth in truths if not len(truth.masks)} == counts
        assert {truth.counts for truth in truths if len(truth.masks)} == {True}
