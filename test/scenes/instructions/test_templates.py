"""Sentence templates: forms, ids and splits."""

from __future__ import annotations

import pytest

from instructsam_ros.scenes.instructions.templates import Template, is_held_out, paraphrases, usable
from instructsam_ros.scenes.sampling.splits import manifest

TABLES = paraphrases().sentence_templates, paraphrases().constructs


@pytest.mark.parametrize(
    ("text", "form"), [("{x}", "phrase"), ("where is {x}?", "question"), ("grab {x}", "declarative")]
)
def test_the_form_follows_from_the_text(text: str, form: str) -> None:
    assert Template("one.test", text).form == form


def test_ids_are_unique_and_name_their_family() -> None:
    for table in TABLES:
        ids = [template.id for family in table.values() for template in family]
        assert len(ids) == len(set(ids))
        for name, family in table.items():
            assert all(template.id.startswith(f"{name}.") for template in family)


def test_every_sentence_template_has_its_slot() -> None:
    assert all("{x}" in t.text for family in paraphrases().sentence_templates.values() for t in family)
    assert paraphrases().purposes.keys() == paraphrases().situations.keys()


def test_training_uses_every_family_without_its_held_out_templates() -> None:
    for table, families in zip(("sentence_templates", "constructs"), TABLES, strict=True):
        for family, templates in families.items():
            trained = usable(table, family, "train")
            assert trained
            assert set(trained) == {template for template in templates if not template.held_out}
            assert usable(table, family, "heldout") == templates
    assert usable("constructs", "concept.say", "train") == ()


def test_an_instruction_is_held_out_by_either_part_of_its_template() -> None:
    held_out = manifest().templates[0]
    assert is_held_out(f"concept.many.plain|{held_out}")
    assert is_held_out(held_out)
    assert not is_held_out("name.one.plain|one.bare")
