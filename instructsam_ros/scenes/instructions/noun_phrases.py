"""Noun phrases: surface forms, a canonical phrase and the referents in a scene."""

from __future__ import annotations

from dataclasses import dataclass

from instructsam_ros.scenes.instructions.three_valued_logic import Selection


@dataclass(frozen=True)
class Noun:
    """singular, plural: surface forms with adjectives. bare, bares: without. phrase: canonical form.

    named: its referents in the scene. color: the adjective, category: of the
    catalogue; "" for none.
    """

    singular: str
    plural: str
    bare: str
    bares: str
    phrase: str
    named: Selection
    color: str = ""
    category: str = ""

    @property
    def slots(self) -> dict[str, str]:
        """Values for the templates' slots."""
        return {
            "n": self.singular,
            "ns": self.plural,
            "bare": self.bare,
            "bares": self.bares,
            "color": self.color,
        }


NO_ANCHOR = 0
"""Id of an anchor that is absent from the scene; ids of objects start at 1."""


@dataclass(frozen=True)
class Anchor:
    """A uniquely named object that others are related to. text: "the red mug"."""

    id: int
    text: str


OBJECT_PHRASE = "object"
GROUP_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "fruit": (("piece of fruit", "pieces of fruit"), ("fruit", "fruits")),
    "vegetable": (("vegetable", "vegetables"),),
    "utensil": (("utensil", "utensils"), ("kitchen utensil", "kitchen utensils")),
    "cutlery": (("piece of cutlery", "pieces of cutlery"),),
    "drinkware": (("drinking vessel", "drinking vessels"), ("piece of drinkware", "pieces of drinkware")),
}
GROUP_PHRASES = {
    "fruit": "fruit",
    "vegetable": "vegetable",
    "utensil": "utensil",
    "cutlery": "cutlery",
    "drinkware": "drinking vessel",
}
