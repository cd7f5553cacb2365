"""What hands touch is measured between surfaces."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("instructsam_ros.scenes.rendering", exc_type=ImportError)

from instructsam_ros.scenes.assets.meshes import box, move
from instructsam_ros.scenes.assets.occluders import THUMB_AND_FINGERS, Occluder
from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.rendering.contacts import NEAR, TOUCHING, _Surface, hand_contacts

BLOCK = [Part(box(0.3, 0.04, 0.04), "wood")]
"""Its sides are far from the corners of its few triangles. Its top is at z = 0.04."""


def hand_of(*places: tuple[float, float, float], side: str = "left", at=(0.0, 0.0, 0.0)) -> Occluder:
    """An arm far away, then six cubes of 1 cm at the given centres, the others far away, too."""
    centres = [(0.0, 5.0, 0.0), *places, *[(0.0, 9.0, 0.0)] * (6 - len(places))]
    parts = [Part(move(box(0.01, 0.01, 0.01), (x, y, z - 0.005)), "food") for x, y, z in centres]
    return Occluder("hand", parts, np.array(at), 0.0, side, THUMB_AND_FINGERS)


def contacts(*occluders: Occluder, yaw: float = 0.0):
    item = SimpleNamespace(id=7, parts=BLOCK, position=np.zeros(3), yaw=yaw)
    return hand_contacts(SimpleNamespace(objects=[item], occluders=list(occluders)))


@pytest.mark.parametrize(
    ("gap", "found"), [(-0.005, "touches"), (0.0, "touches"), (0.003, "touches"), (0.01, "near"), (0.03, "")]
)
def test_a_finger_above_a_block_touches_it_is_near_or_far(gap, found):
    (entry,) = contacts(hand_of((0.09, 0.0, 0.045 + gap)))
    assert entry["id"] == 200
    assert (entry["kind"], entry["side"]) == ("hand", "left")
    assert {key for key in ("touches", "near") if entry[key] == [7]} == ({found} if found else set())
    assert entry["holds"] == []


def test_a_thing_between_palm_and_thumb_is_held():
    palm, thumb = (0.1, 0.025, 0.02), (0.1, -0.025, 0.02)
    (both,) = contacts(hand_of(palm, thumb, side="right"))
    assert (both["side"], both["touches"], both["holds"]) == ("right", [7], [7])
    (above,) = contacts(hand_of(palm, thumb), yaw=np.pi / 2)  # the block is turned out of the hand
    assert above["touches"] == above["holds"] == []


def test_an_arm_is_near_at_most_and_hands_are_things_to_each_other():
    arm = hand_of(at=(0.0, -5.0, 0.045))
    first, second = contacts(arm, hand_of((0.0, 0.0, 0.045), (0.0, -0.03, 0.05)))
    assert first["touches"] == []
    assert first["near"] == [7, 201]
    assert second["touches"] == [7, 200]
    assert second["near"] == []


def test_what_is_neither_hand_nor_gripper_has_no_entry():
    assert contacts(Occluder("distractor", BLOCK, np.zeros(3), 0.0)) == []


@given(st.floats(-0.14, 0.14), st.floats(0, NEAR - 0.005), st.floats(-3, 3))
def test_distances_are_those_of_the_surfaces(along, gap, yaw):
    block = _Surface(BLOCK, np.array([1.0, 2.0, 0.5]), yaw)
    place = np.array([1 + np.cos(yaw) * along, 2 + np.sin(yaw) * along, 0.5 + 0.04 + gap])
    cube = _Surface([Part(box(0.01, 0.01, 0.01), "food")], place, yaw)
    assert gap - 1e-9 <= cube.distance(block) <= np.hypot(gap, 0.003) + 1e-9
    assert TOUCHING < NEAR
