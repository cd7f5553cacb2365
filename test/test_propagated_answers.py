import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.propagated_answers import FOLLOWED, AnswerPropagator
from instructsam_ros.tracking.propagation import PropagatedMask
from instructsam_ros.types import Frame, Instance, PhraseAnswer, Segmentation, Status, tight_box

FRAME = Frame(np.zeros((20, 30, 3), np.uint8))


class Shift:
    """Moves masks a column to the right per frame, and loses what leaves the image."""

    def __init__(self, confidence=0.5):
        self.masks, self.confidence, self.starts = {}, confidence, 0

    def start(self, rgb, masks, ids, depth=None):
        self.masks = dict(zip(ids, masks, strict=True))
        self.starts += 1

    def follow(self, rgb, depth=None):
        moved = {number: np.pad(mask, ((0, 0), (1, 0)))[:, :-1] for number, mask in self.masks.items()}
        self.masks = {number: mask for number, mask in moved.items() if mask.any()}
        return {number: PropagatedMask(mask, self.confidence) for number, mask in self.masks.items()}


def answer(*columns):
    instances = []
    for column in columns:
        mask = np.zeros((20, 30), bool)
        mask[5:9, column] = True
        instances.append(Instance(mask, tight_box(mask), 0.8, f"thing {column}"))
    status = Status.OK if columns else Status.NO_TARGET
    phrases = (PhraseAnswer("bowl", Status.NO_TARGET),)
    return Segmentation(tuple(instances), "things", status, {"encode": 1.0}, phrases)


def test_an_answer_is_carried_on_with_all_that_it_says():
    propagator = AnswerPropagator(Shift(), refresh=10)
    assert propagator.follow(FRAME, "things") is None
    propagator.start(FRAME, "things", answer(3, 12))
    for step in (1, 2, 3):
        followed = propagator.follow(FRAME, "things")
        assert [instance.box[0] for instance in followed.instances] == [3 + step, 12 + step]
    assert [instance.phrase for instance in followed.instances] == ["thing 3", "thing 12"]
    assert [instance.score for instance in followed.instances] == [0.4, 0.4]
    assert followed.answer == FOLLOWED + "things"
    assert followed.unanswered() == ("bowl",)
    assert list(followed.timings) == ["follow"]


def asked(propagator, frames, columns=(3, 12), instruction="things"):
    """The numbers of the frames at which the model was asked."""
    numbers = []
    for number in range(frames):
        if propagator.follow(FRAME, instruction) is None:
            propagator.start(FRAME, instruction, answer(*columns))
            numbers.append(number)
    return numbers


@pytest.mark.parametrize(
    ("refresh", "numbers"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (4, [0, 4]), (9, [0])]
)
def test_the_model_is_asked_when_it_is_due(refresh, numbers):
    assert asked(AnswerPropagator(Shift(), refresh), 5) == numbers


def test_the_model_is_asked_when_something_is_lost():
    assert asked(AnswerPropagator(Shift(), 100), 9, columns=(3, 26)) == [0, 4, 8]


def test_the_model_is_asked_while_nothing_is_there_to_follow():
    propagator = Shift()
    assert asked(AnswerPropagator(propagator, 100), 3, columns=()) == [0, 1, 2]
    assert propagator.starts == 0


def test_another_instruction_or_size_is_not_followed():
    propagator = AnswerPropagator(Shift(), 100)
    propagator.start(FRAME, "things", answer(3))
    assert propagator.follow(FRAME, "mugs") is None
    propagator.start(FRAME, "things", answer(3))
    assert propagator.follow(Frame(np.zeros((10, 30, 3), np.uint8)), "things") is None
    assert propagator.follow(FRAME, "things") is None, "what was not followed to the frame before is old"


def test_a_refresh_of_no_frames_is_refused():
    with pytest.raises(ConfigError, match="at least 1"):
        AnswerPropagator(Shift(), 0)
