"""How far people agree."""

import pytest

from instructsam_ros.training.annotation.agreement import (
    choice_agreement,
    pairwise_agreement,
    verdict_agreement,
)
from instructsam_ros.training.annotation.store import Annotation, Verdicts


def chose(person, *sets, item="i"):
    subsets = [
        {"id": f"s{n}", "points": [{"x": 0, "y": 0, "instance": each} for each in instances]}
        for n, instances in enumerate(sets)
    ]
    return Annotation(item=item, person=person, subsets=subsets)


def test_choices_agree_by_their_instances():
    works = [chose("a", (0, 1), (2,)), chose("b", (1, 0)), chose("c", (2,)), chose("a", (1,), item="j")]
    assert choice_agreement(works) == {"i": pytest.approx((0.5 + 0.5 + 0) / 3)}


def test_verdicts_agree_beyond_chance():
    assert pairwise_agreement([["accept", "accept"], ["reject", "reject"]]).kappa == 1
    made = pairwise_agreement(
        [["accept", "accept"], ["accept", "reject"], ["reject", "reject"], ["reject", "accept"]]
    )
    assert (made.pairs, made.share, made.kappa) == (4, 0.5, 0.0)
    assert pairwise_agreement([["accept", "accept"]]).kappa is None


def test_only_the_same_revision_is_compared():
    def judged(person, of_revision):
        return Verdicts(
            item="i",
            author="a",
            person=person,
            of_revision=of_revision,
            judgements={"s1": {"verdict": "accept"}},
        )

    assert verdict_agreement([judged("b", 1), judged("c", 2)]).pairs == 0
    assert verdict_agreement([judged("b", 1), judged("c", 1)]).pairs == 1
