"""Answers to the parts of an instruction, joined."""

import numpy as np
import pytest

from instructsam_ros.backends.joined_answers import join_answers
from instructsam_ros.types import Instance, PhraseAnswer, Segmentation, Status, tight_box


def thing(columns, score):
    mask = np.zeros((10, 20), bool)
    mask[:, columns] = True
    return Instance(mask, tight_box(mask), score, "as the model has it")


def answer(*instances, status=Status.OK, text="x"):
    return Segmentation(instances, text, status, {"encode": 1.0, "generate": 0.25})


NOTHING = answer(status=Status.NO_TARGET, text="")


def test_each_instance_has_its_phrase_and_each_phrase_its_status():
    joined = join_answers(["mugs", "bowl"], [answer(thing(slice(0, 5), 0.9)), NOTHING], 0.5)
    assert [i.phrase for i in joined.instances] == ["mugs"]
    assert joined.status == Status.OK
    assert joined.phrases == (PhraseAnswer("mugs", Status.OK), PhraseAnswer("bowl", Status.NO_TARGET))
    assert joined.answer == "x"
    assert joined.timings == {"encode": 1.0, "generate": 0.5}


def test_nothing_at_all_is_no_target():
    joined = join_answers(["mugs", "bowl"], [NOTHING, NOTHING], 0.5)
    assert joined.status == Status.NO_TARGET
    assert [phrase.status for phrase in joined.phrases] == [Status.NO_TARGET] * 2


def test_a_thing_that_answers_two_parts_belongs_to_the_better_one():
    mug, cup, other = thing(slice(0, 5), 0.9), thing(slice(0, 6), 0.6), thing(slice(10, 15), 0.7)
    joined = join_answers(["mug", "cups"], [answer(mug), answer(cup, other)], 0.5)
    assert [(i.phrase, i.score) for i in joined.instances] == [("mug", 0.9), ("cups", 0.7)]
    alone = join_answers(["mug", "cup"], [answer(mug), answer(cup)], 0.5)
    assert alone.phrases[1] == PhraseAnswer("cup", Status.NO_TARGET)


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_with_more_than_fits_makes_the_answer_incomplete(order):
    full = answer(thing(slice(0, 5), 0.9), status=Status.MAX_INSTANCES)
    joined = join_answers(["mugs", "bowl"][::order], [full, NOTHING][::order], 0.5)
    assert joined.status == Status.MAX_INSTANCES
    assert set(joined.phrases) == {
        PhraseAnswer("mugs", Status.MAX_INSTANCES),
        PhraseAnswer("bowl", Status.NO_TARGET),
    }
