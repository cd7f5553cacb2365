"""Targets of generated instructions about the hand-made scenes, worked out by hand for every kind."""

from __future__ import annotations

import random
import re
from functools import cache
from itertools import chain, product
from typing import Any

from instructsam_ros.scenes.assets.catalogue import DISH_COLORS
from instructsam_ros.scenes.instructions import Instruction
from instructsam_ros.scenes.instructions.generator import KINDS, realize_instruction
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts
from test.scenes.scene_metadata import CLOSE, DEPTH, ROW, TABLE

SCENES: dict[str, dict[str, Any]] = {"row": ROW, "table": TABLE, "depth": DEPTH, "close": CLOSE}
PLAIN = rf"^(?!.*\b({'|'.join(DISH_COLORS)})\b)"
"""Prefix of a pattern for texts without a colour."""
ALONE = r"^(?!.*and the).*"
"""Prefix of a pattern for texts with one exception."""
Answer = tuple[str, str, str, set[int]]
"""Scene, kind, pattern of the text, ids of the targets."""


@cache
def sampled_from(scene: str) -> tuple[Instruction, ...]:
    """Sample several hundred instructions of every kind about a scene, with and without a target."""
    return sample_every_kind(SCENES[scene], 500)


def sample_every_kind(meta: dict[str, Any], count: int, split: str = "heldout") -> tuple[Instruction, ...]:
    """Try ``count`` times to sample an instruction of each kind, with and again without a target."""
    facts, source = SceneFacts(meta), random.Random(1)
    found = []
    for kind, negative in product(chain.from_iterable(KINDS.values()), (False, True)):
        sampler = InstructionSampler(facts, source, split)
        for _ in range(count):
            sampler.negative = negative
            logical_form = kind(sampler)
            if logical_form is not None:
                found.append(realize_instruction(sampler, logical_form, negative=negative))
    return tuple(instruction for instruction in found if instruction is not None)


def check(scene: str, kind: str, pattern: str, expected: set[int]) -> None:
    """Assert that the instructions of a kind that match a pattern exist and have the expected targets."""
    matching = [
        i for i in sampled_from(scene) if i.kind == kind and re.search(pattern, i.text, re.IGNORECASE)
    ]
    assert matching, f"no instruction matches {pattern!r}"
    assert not {(i.text, i.targets) for i in matching if set(i.targets) != expected}


ATTRIBUTES: list[Answer] = [
    ("row", "concept", r"^(any )?red (coffee )?mug( in the picture)?$", {1}),
    ("row", "concept", r"^(all )?(coffee )?mugs", {1, 2, 3}),
    ("row", "concept", r"utensil", {4}),
    ("row", "concept", r"cutlery", {4}),
    ("row", "concept", r"(bananas?|forks?|lemons?|plates?)$", set()),
    ("row", "name", r"the (kitchen )?knife", {4}),
    ("row", "all", PLAIN + r".*(every|each|all).* (coffee )?mugs?\b", {1, 2, 3}),
    ("row", "everything", r"", {1, 2, 3, 4}),
    ("table", "everything", r"", {1, 2, 3, 4, 5, 6, 7}),
    ("row", "attr", r"\bblue (coffee )?mug", {2}),
    ("row", "attr", r"\b(red|blue|yellow) (kitchen )?kni", set()),
    ("row", "except_color", r"mugs?\b.* red", {2, 3}),
    ("row", "except_one", ALONE + r"knife", {1, 2, 3}),
    ("row", "except_one", ALONE + r"cutlery", {1, 2, 3}),
    ("row", "except_one", ALONE + r"mugs", {4}),
    ("row", "except_one", ALONE + r"red ((coffee )?mug|object)", {2, 3, 4}),
    ("row", "except_one", r"red (coffee )?mug and the (black )?(kitchen )?knife", {2, 3}),
    ("row", "except_one", r"(bowls?|plates?|whisks?)\b", {1, 2, 3, 4}),
    ("close", "not_color", r"mug.* red", {3}),
    ("row", "color_all", r"\bblue\b", {2}),
    ("row", "color_all", r"\bpurple\b", set()),
    ("row", "color_one", r"the blue (one|thing|object)", {2}),
    ("row", "color_one", r"\bpurple\b", set()),
    ("row", "count", r"three (coffee )?mugs", {1, 2, 3}),
    ("row", "union", r"^(?!.*(red|blue|yellow|black)).*mugs.*knife", {1, 2, 3, 4}),
    ("row", "union", r"red (coffee )?mug.*knife", {1, 4}),
    ("table", "material", r"metal", {4}),
    ("table", "material", r"glass", {5}),
]
SPATIAL: list[Answer] = [
    ("row", "rel", r"(which|the|all) (coffee )?mugs .*left.* of the (black )?(kitchen )?knife", {1, 2, 3}),
    ("row", "rel", r"the red (coffee )?mug .*left.* of the (black )?(kitchen )?knife", {1}),
    ("row", "rel", r"(coffee )?mugs? .*right.* of the (black )?(kitchen )?knife", set()),
    ("row", "rel_count", r"three (coffee )?mugs .*left.* of the (black )?(kitchen )?knife", {1, 2, 3}),
    ("row", "rel_count", r"mugs .*right.* of the (black )?(kitchen )?knife", set()),
    ("row", "rel_all", r"\bright.* of the red (coffee )?mug", {2, 3, 4}),
    ("row", "rel_all", r"left.* of the yellow (coffee )?mug", {1, 2}),
    ("close", "not_rel", PLAIN + r".*mug .*right.* bowl", {2}),
    ("close", "beside", PLAIN + r".*mugs? .*bowl", {2, 3}),
    ("close", "beside", r"mugs? .*knife", set()),
    ("close", "beside_all", PLAIN + r".*bowl", {2, 3}),
    ("close", "beside_all", r"blue (coffee )?mug", {1}),
    ("row", "sup_size", r"\b(largest|biggest) (of the )?(coffee )?mug", {2}),
    ("row", "sup_side", PLAIN + r".*((leftmost|left).*mug|mug.*(leftmost|left))", {1}),
    ("row", "sup_side", r"(the|outermost|last) object\b.*right|rightmost object", {4}),
    ("row", "topk", r"two leftmost (of the )?(coffee )?mugs", {1, 2}),
    ("row", "topk", r"two rightmost (of the )?(coffee )?mugs", {2, 3}),
    ("row", "sup_side", PLAIN + r".*(right (coffee )?mug\b|mug on the right|which mug is on the right)", {3}),
    ("row", "topk_side", r"two (left (coffee )?mugs|(coffee )?mugs .*left)", {1, 2}),
    ("row", "topk_side", r"two (right (coffee )?mugs|(coffee )?mugs .*right)", {2, 3}),
    ("row", "topk_side", r"two .*(bowls|glasses|plates) .*(left|right)", set()),
    ("row", "ordinal", PLAIN + r".*(second.* mug|mug .*second).* left", {2}),
    ("row", "ordinal", PLAIN + r".*(third.* mug|mug .*third).* right", {1}),
    ("row", "near", r"(the|which) (coffee )?mug .*the (black )?(kitchen )?knife", {3}),
    ("table", "host_on", r"apple.* plate", {3}),
    ("depth", "sup_near", r"(the|which) bottle .*(closest|nearest)", {1}),
    ("depth", "sup_near", r"(the|which) bottle .*(farthest|furthest)", {3}),
    ("depth", "rel", r"(which|the|all) bottles .*in front of the (gray )?bowl", {1, 2}),
    ("depth", "rel", r"(the|which|a) bottle .*(behind|in back of) the (gray )?bowl", {3}),
    (
        "depth",
        "except_rel",
        r"(the|all|every|each|which|what) bottles? .*(behind|in back of) the (gray )?bowl",
        {1, 2},
    ),
]
AFFORDANCES: list[Answer] = [
    ("table", "host_with", r"plates? .*apple", {1}),
    ("table", "host_with", r"plates? .*(lemon|spoon)", set()),
    ("row", "aff", r"slice bread", {4}),
    ("row", "aff", r"pour juice|sip some|drink lemonade\.|taste the lemonade", {1, 2, 3}),
    ("row", "aff", r"pancake", set()),
    ("row", "aff_color", r"\bblue\b.*(pour juice|sip some)", {2}),
    ("row", "aff_not", r"(pour juice|sip some).*\bblue\b", {1, 3}),
    ("row", "aff_rel", r"left.* of the (black )?(kitchen )?knife.*(juice|water)", {1, 2, 3}),
    ("row", "aff_size", r"(largest|biggest).*(pour juice|sip some)", {2}),
    ("row", "between", r"mugs .*red (coffee )?mug .*the (black )?(kitchen )?knife", {2, 3}),
    ("row", "nonfood", r"", {1, 2, 3, 4}),
    ("table", "host", r"plate", {1}),
    ("table", "empty", r"plate", {2}),
    ("table", "same", r"the (red )?apple", {7}),
    ("table", "aff", r"sugar", {4}),
    ("table", "food", r"", {3}),
]
