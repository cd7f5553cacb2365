"""Cases of several levels and their batches."""

from functools import partial

import numpy as np
import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.two_tower_encoder import square_pixels
from instructsam_ros.models.sam3.tokenizer import ClipTokenizer
from instructsam_ros.models.sam3i.router import Router
from instructsam_ros.training.data.registry import parse_data_sets
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.objectives.sam3i.batches import InstructionBatches, group_cases, read_cases

prepare = partial(square_pixels, size=112)


@pytest.fixture
def batches(data, sam3_folder):
    cases = read_cases(parse_data_sets((data["train"],), "data"), 3, 0)
    return InstructionBatches(cases, ClipTokenizer.from_folder(sam3_folder), prepare, 3, 2, 0)


def test_a_batch_depends_on_its_index_alone(batches):
    one, again, other = batches[0], batches[0], batches[1]
    assert torch.equal(one.pixels, again.pixels)
    assert one.seed == again.seed != other.seed
    assert one.pixels.shape == (2, 3, 112, 112)
    assert set(one.ids) == {"simple", "complex", "concept"}
    assert all(ids.shape == (2, 32) for ids in one.ids.values())
    assert set(one.concepts) | set(other.concepts) <= {"red mug", "blue bowl"}


def test_masks_are_at_the_size_of_the_input_and_boxes_around_them(batches):
    for truth in batches[0].truths:
        assert truth.masks.shape == (1, 112, 112)
        assert truth.masks.dtype == torch.bool
        x, y, width, height = truth.boxes[0].tolist()
        assert (width, height) == pytest.approx((24 / 80, 16 / 64))
        ys, xs = truth.masks[0].nonzero().float().mean(0).tolist()
        assert (xs / 112, ys / 112) == pytest.approx((x, y), abs=0.02)


def test_it_moves_to_a_device(batches):
    assert batches[0].to(torch.device("meta")).truths[0].masks.is_meta


def test_pictures_that_cannot_be_read_are_replaced_and_said(batches, tmp_path):
    (tmp_path / "0.png").write_bytes(b"nothing")
    found = [batches[index] for index in range(3)]
    assert any(batch.skipped for batch in found)
    assert all("0.png" not in name for batch in found for name in batch.records)


def sample(text, level=None, meaning="1"):
    def masks():
        return np.zeros((1, 4, 4), bool)

    labels = {"level": level} if level else {}
    return Sample("a.png", lambda: None, text, (Phrase("Mug", masks),), labels=labels, meaning=meaning)


def test_samples_of_one_meaning_are_one_case():
    router = Router.shipped()
    texts = ("mug", "the mug to the left of the bowl", "something to drink from")
    by_router = [sample(text) for text in texts]
    (case,) = group_cases(by_router, 3, router)
    assert case.texts == {"concept": texts[:1], "simple": texts[1:2], "complex": texts[2:]}
    assert case.concept == "mug"
    assert group_cases([sample("a", "simple"), sample("b", "complex", "2")], 3, router) == []
    assert len(group_cases([sample("a", "simple", ""), sample("b", "simple", "")], 1, router)) == 2


def test_sets_without_the_level_are_refused(data, tmp_path):
    path = tmp_path / "train" / "a.json"
    path.write_text(path.read_text().replace("complex_query", "other"))
    with pytest.raises(ConfigError, match="no target has simple and complex instructions"):
        read_cases(parse_data_sets((data["train"],), "data"), 3, 0)
