"""Absent referents of an instruction."""

from __future__ import annotations

from dataclasses import replace

from instructsam_ros.scenes.instructions.instruction import Instruction, Mention

MUG = Instruction(
    text="the mug left of the bowl",
    level="simple",
    kind="rel",
    cardinality="one",
    form="phrase",
    template="rel.one.plain|one.bare",
    targets=(1,),
    phrase="mug",
    phrase_ids=(1, 2),
    mentions=(Mention("the mug", (1, 2)), Mention("the bowl", (3,), is_anchor=True)),
)


def test_all_referents_are_present() -> None:
    assert not MUG.has_absent_referent
    assert not MUG.anchor_is_absent


def test_an_absent_anchor_is_an_absent_referent() -> None:
    mentions = (MUG.mentions[0], Mention("the pan", (), is_anchor=True))
    absent = replace(MUG, targets=(), mentions=mentions)
    assert absent.anchor_is_absent
    assert absent.has_absent_referent


def test_an_absent_head_is_an_absent_referent_but_no_anchor() -> None:
    absent = replace(MUG, targets=(), phrase_ids=())
    assert absent.has_absent_referent
    assert not absent.anchor_is_absent


def test_contents_count_only_in_the_kind_that_names_them() -> None:
    mentions = (Mention("the plate", (1,)), Mention("lemon", ()))
    assert replace(MUG, kind="host_with", mentions=mentions).has_absent_referent
    assert not replace(MUG, kind="union", mentions=mentions).has_absent_referent
