"""Instructions that name objects by category, colour, group, material, number or exception."""

from __future__ import annotations

import re

import pytest

from test.scenes.expected_answers import ALONE, ATTRIBUTES, check, sampled_from

pytestmark = pytest.mark.xdist_group("sampled_from")  # whose sample they share


@pytest.mark.parametrize(("scene", "kind", "pattern", "expected"), ATTRIBUTES)
def test_targets_equal_those_worked_out_by_hand(
    scene: str, kind: str, pattern: str, expected: set[int]
) -> None:
    check(scene, kind, pattern, expected)


@pytest.mark.parametrize(
    ("kind", "pattern", "named"),
    [
        ("except_one", ALONE + r"the (kitchen )?knife", {"the knife": (4,), "the kitchen knife": (4,)}),
        (
            "except_one",
            r"the red (coffee )?mug and the (kitchen )?knife",
            {
                "the red mug": (1,),
                "the red coffee mug": (1,),
                "the knife": (4,),
                "the kitchen knife": (4,),
            },
        ),
        ("except_one", r"bowl", {"the bowl": (), "the bowls": ()}),
        ("except_color", r"all the mugs except the red", {"mugs": (1, 2, 3), "the red one": (1,)}),
        ("union", r"the mugs and the knife", {"the mugs": (1, 2, 3), "the knife": (4,)}),
    ],
)
def test_every_noun_of_an_exception_or_a_union_is_a_mention(
    kind: str, pattern: str, named: dict[str, tuple[int, ...]]
) -> None:
    matching = [i for i in sampled_from("row") if i.kind == kind and re.search(pattern, i.text)]
    assert matching
    for sampled in matching:
        assert sampled.mentions
        assert {mention.text: mention.ids for mention in sampled.mentions}.items() <= named.items(), (
            sampled.text
        )
