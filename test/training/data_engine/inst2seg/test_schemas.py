"""Forms of replies."""

import pytest
from pydantic import ValidationError

from instructsam_ros.training.data_engine.inst2seg.schemas import Target, Targets, Verdicts, parse_ground


@pytest.mark.parametrize(
    ("text", "counts"),
    [("none", [0]), ("one", [1]), ("Exactly 2", [2]), ("at least 3", [3, 4]), ("all", [1, 2, 3, 4])],
)
def test_a_ground_tells_which_counts_it_holds_for(text, counts):
    ground = parse_ground(text)
    assert [count for count in range(5) if ground.holds(count)] == counts


@pytest.mark.parametrize("text", ["", "some", "exactly", "at least 0", "exactly 2.5"])
def test_other_grounds_are_refused(text):
    with pytest.raises(ValueError, match="ground is"):
        parse_ground(text)


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [9, 1, 2, 3], [-1, 0, 5, 5], [0, 0, 5, 1001], [0, 0, 5]])
def test_boxes_lie_in_the_picture(box):
    with pytest.raises(ValidationError):
        Target(object_id="a", noun="mug", questions=[0], boxes=[box])


def target(id_, *questions):
    return Target(object_id=id_, noun="mug", questions=list(questions), boxes=[])


def test_every_question_has_one_target():
    assert Targets(targets=[target("a", 0, 2), target("b", 1)]).problem(3) == ""
    assert "exactly one" in Targets(targets=[target("a", 0, 1), target("b", 1)]).problem(2)
    assert "exactly one" in Targets(targets=[target("a", 0)]).problem(2)
    assert "same object_id" in Targets(targets=[target("a", 0), target("a", 1)]).problem(2)


def test_every_question_has_one_verdict():
    verdicts = Verdicts.model_validate({"verdicts": [{"question": 0, "accept": True}]})
    assert verdicts.problem(1) == ""
    assert verdicts.problem(2)
