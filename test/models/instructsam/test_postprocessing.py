import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InstructSamError
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.postprocessing import full_size, read_instances, suppress_duplicates
from instructsam_ros.types import Instance, PhraseAnswer, Status, tight_box


def test_repeated_masks_count_once():
    def instance(columns: slice, score: float) -> Instance:
        mask = np.zeros((4, 10), bool)
        mask[:, columns] = True
        return Instance(mask, tight_box(mask), score, "mug")

    first, again, other = instance(slice(0, 4), 0.8), instance(slice(0, 5), 0.9), instance(slice(6, 9), 0.7)
    assert suppress_duplicates([first, again, other], 0.5) == [again, other]
    assert suppress_duplicates([first, again, other], 1.0) == [first, again, other]


def test_weak_instances_count_only_beside_a_sure_one(tiny_config: InstructSamConfig) -> None:
    config = dataclasses.replace(tiny_config, score_threshold=0.5, presence_threshold=0.75)
    masks = torch.full((2, 3, 4, 5), 1.0)

    def found(*scores: list[float]) -> int:
        output = DetectorOutput(masks, torch.tensor(scores).logit(), torch.zeros(2, 3, 4), ())
        return len(read_instances(output, ["mug", "bowl"], (8, 10), config)[0])

    assert found([0.6, 0.7, 0.4], [0.1, 0.1, 0.1]) == 0
    assert found([0.6, 0.8, 0.4], [0.1, 0.1, 0.1]) == 2
    assert found([0.6, 0.6, 0.4], [0.1, 0.9, 0.1]) == 3, "one sure object is enough for the whole answer"


@given(st.integers(1, 40), st.integers(1, 40))
def test_masks_have_the_size_of_the_image_and_are_cut_at_zero(height: int, width: int) -> None:
    logits = torch.full((3, 4), -1.0)
    assert not full_size(logits, (height, width)).any()
    mask = full_size(-logits, (height, width))
    assert mask.shape == (height, width)
    assert mask.all()


@given(st.integers(2, 50), st.integers(2, 50), st.integers(0, 99))
def test_masks_are_resized_as_torch_does(height: int, width: int, seed: int) -> None:
    logits = torch.randn(12, 16, generator=torch.Generator().manual_seed(seed))
    resized = torch.nn.functional.interpolate(logits[None, None], size=(height, width), mode="bilinear")[0, 0]
    sure = resized.abs() > 1e-4
    mask = torch.from_numpy(full_size(logits, (height, width)))
    assert torch.equal(mask[sure], resized[sure] > 0)


def test_scores_that_are_no_numbers_are_no_answer(tiny_config: InstructSamConfig) -> None:
    logits = torch.tensor([[0.5, torch.nan, 1.0]])
    output = DetectorOutput(torch.ones(1, 3, 4, 5), logits, torch.zeros(1, 3, 4), ())
    with pytest.raises(InstructSamError, match="not numbers"):
        read_instances(output, ["mug"], (8, 10), tiny_config)


def test_masks_that_are_no_numbers_are_no_answer(tiny_config: InstructSamConfig) -> None:
    """Only of those instances that would be answered."""
    masks = torch.ones(1, 2, 4, 5)
    masks[0, 1] = torch.nan
    weak = DetectorOutput(masks, torch.tensor([[9.0, -9.0]]), torch.zeros(1, 2, 4), ())
    assert len(read_instances(weak, ["mug"], (8, 10), tiny_config)[0]) == 1
    strong = DetectorOutput(masks, torch.tensor([[9.0, 9.0]]), torch.zeros(1, 2, 4), ())
    with pytest.raises(InstructSamError, match="not numbers"):
        read_instances(strong, ["mug"], (8, 10), tiny_config)


def test_every_phrase_is_answered_for_itself(tiny_config: InstructSamConfig) -> None:
    config = dataclasses.replace(tiny_config, num_queries=2, score_threshold=0.5, presence_threshold=0.0)
    scores = torch.tensor([[0.9, 0.1], [0.1, 0.1], [0.9, 0.8]]).logit()
    output = DetectorOutput(torch.ones(3, 2, 4, 5), scores, torch.zeros(3, 2, 4), ())
    instances, answers = read_instances(output, ["mug", "bowl", "cup"], (8, 10), config)
    assert {instance.phrase for instance in instances} == {"mug", "cup"}
    assert answers == [
        PhraseAnswer("mug", Status.OK),
        PhraseAnswer("bowl", Status.NO_TARGET),
        PhraseAnswer("cup", Status.MAX_INSTANCES),
    ]


def test_fewer_slots_than_queries_are_never_too_few(tiny_config: InstructSamConfig) -> None:
    """As with one [SEG] token per instance: the model has ended its answer by itself."""
    config = dataclasses.replace(tiny_config, num_queries=3, score_threshold=0.5, presence_threshold=0.0)
    output = DetectorOutput(
        torch.ones(1, 2, 4, 5), torch.tensor([[0.9, 0.8]]).logit(), torch.zeros(1, 2, 4), ()
    )
    _, answers = read_instances(output, ["cup"], (8, 10), config)
    assert answers == [PhraseAnswer("cup", Status.OK)]
