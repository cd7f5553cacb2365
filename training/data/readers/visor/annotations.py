"""Annotations of one VISOR frame, and what its hands touch (EPIC-KITCHENS VISOR, arXiv 2209.13064)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.epic_kitchens.noun_classes import readable_noun
from instructsam_ros.training.data.hand_instructions import Hand
from instructsam_ros.training.data.readers.visor.even_odd_polygons import (
    Polygon,
    bounding_box,
    parse_polygons,
)

SIDES = ("left", "right")
HANDS = {300: "left hand", 301: "right hand"}
"""Noun classes of the wearer's hands."""
NO_CONTACT = ("hand-not-in-contact", "glove-not-in-contact")
OTHER_CONTACTS = ("none-of-the-above", "inconclusive", None)
"""Values of ``in_contact_object`` that leave open what is touched; all others are ids."""


@dataclass(frozen=True)
class VisorAnnotation:
    """An entity of a frame. noun: in readable English. polygons: filled together; () where it is not seen.

    contact: of a hand or glove. worn_on: sides of the hands that wear the glove, () for other entities.
    """

    id: str
    noun: str
    class_id: int
    is_exhaustive: bool
    polygons: tuple[Polygon, ...]
    contact: str | None = None
    worn_on: tuple[str, ...] = ()
    is_interpolated: bool = False

    @property
    def is_hand(self) -> bool:
        """Whether it is a hand or a worn glove, which are no objects that hands touch."""
        return self.noun in HANDS.values() or bool(self.worn_on)


def parse_annotation(entry: Any, height: int, width: int) -> VisorAnnotation:
    """Read one annotation of an image of height x width. Raises InvalidInputError."""
    if not isinstance(entry, dict):
        raise InvalidInputError("an annotation is no object")
    name, key = entry.get("name"), entry.get("id")
    if not isinstance(name, str) or not name.strip() or not isinstance(key, str):
        raise InvalidInputError("an annotation has no id and name")
    class_id = entry.get("class_id")
    contact = entry.get("in_contact_object")
    if not isinstance(contact, str | None):
        raise InvalidInputError(f"in_contact_object is a {type(contact).__name__}, not an id or a text")
    polygons = parse_polygons(entry.get("segments"), height, width)
    return VisorAnnotation(
        id=key,
        noun=HANDS.get(class_id) or readable_noun(name) if isinstance(class_id, int) else readable_noun(name),
        class_id=class_id if isinstance(class_id, int) else -1,
        is_exhaustive=entry.get("exhaustive") == "y",
        polygons=polygons if polygons and _is_inside(polygons, height, width) else (),
        contact=contact,
        worn_on=_worn_on(entry.get("on_which_hand")),
        is_interpolated=entry.get("type") == 0,
    )


def corrected(
    annotations: Sequence[VisorAnnotation], fixes: Mapping[str, str]
) -> tuple[VisorAnnotation, ...]:
    """Replace the contacts of hands by those of the official list of fixes, {"left hand": object id}."""
    return tuple(replace(each, contact=fixes.get(each.noun, each.contact)) for each in annotations)


def unknown_contacts(annotations: Sequence[VisorAnnotation]) -> Iterator[VisorAnnotation]:
    """Find hands and gloves whose contact is the id of nothing in the frame."""
    known = {each.id for each in annotations} | {*NO_CONTACT, *OTHER_CONTACTS}
    return (each for each in annotations if each.contact not in known)


def hands_of(annotations: Sequence[VisorAnnotation]) -> tuple[Hand, ...]:
    """Find the wearer's hands, bare or in a glove; ``entity`` and ``touches`` are indices of annotations.

    What a hand touches is certain where it and its glove agree on an object with a mask, or on nothing. A
    hand in contact with its own glove touches what the glove touches.
    """
    hands = []
    for side in SIDES:
        bare = [index for index, each in enumerate(annotations) if each.noun == f"{side} hand"]
        gloves = [index for index, each in enumerate(annotations) if side in each.worn_on]
        if len(bare) > 1 or not (bare or gloves):
            continue  # the hands of two people, or none
        own = {annotations[index].id for index in gloves}
        contacts = {annotations[index].contact for index in [*gloves, *bare]} - own
        entity = bare[0] if bare and annotations[bare[0]].polygons else None
        for_both = any(len(annotations[index].worn_on) > 1 for index in gloves)
        if contacts and contacts <= set(NO_CONTACT):
            hands.append(Hand(side, entity, not for_both))
            continue
        touched = [index for index, each in enumerate(annotations) if contacts == {each.id}]
        is_certain = len(touched) == 1 and not for_both and _is_object(annotations[touched[0]])
        hands.append(Hand(side, entity, is_certain, touched[0] if is_certain else None))
    return tuple(hands)


def _is_object(annotation: VisorAnnotation) -> bool:
    return bool(annotation.polygons) and not annotation.is_hand


def _worn_on(value: Any) -> tuple[str, ...]:
    """Sides in ``on_which_hand``, a list of "left hand" and "right hand" (in some files "rigth hand")."""
    words = value if isinstance(value, list) else [value]
    texts = [word.lower().replace("rigth", "right") for word in words if isinstance(word, str)]
    return tuple(side for side in SIDES if any(side in text for text in texts))


def _is_inside(polygons: tuple[Polygon, ...], height: int, width: int) -> bool:
    left, top, right, bottom = bounding_box(polygons)
    return left < width and top < height and right >= 0 and bottom >= 0
