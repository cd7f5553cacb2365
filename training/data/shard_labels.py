"""Labels of an image's nouns in the JSON of shards: {entities, others: [{noun, span, mask: RLE}], exhaustive,
absent, ambiguous, classes: [noun]}, masks of the stored pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import EncodedImage
from instructsam_ros.training.data.mask_codec import Rle, instance_rles, json_rle, rle_masks
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels
from instructsam_ros.training.data.sample import Masks

LISTS = ("entities", "others")
NOUNS = ("exhaustive", "absent", "ambiguous", "classes")


def labels_entry(labels: NounLabels, encode: Callable[[Masks], Sequence[Rle]]) -> dict[str, Any]:
    """Return labels as JSON holds them. encode: makes RLEs of the stored pixels, none of a mask without any.

    The noun of an object without a pixel becomes ambiguous. Raises InvalidInputError for an unreadable mask.
    """
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    unseen = set()
    for name, found in lists.items():
        for entity in getattr(labels, name):
            unseen |= set() if (rles := encode(entity.masks)) else {entity.noun}
            found += [{"noun": entity.noun, "span": entity.span, "mask": json_rle(rle)} for rle in rles]
    known = replace(labels, ambiguous=labels.ambiguous | unseen)
    return {**lists, **{name: sorted(getattr(known, name)) for name in NOUNS}}


def read_labels(entry: Any, size: tuple[int, int], image: EncodedImage) -> NounLabels:
    """Return what ``labels_entry`` wrote. size: height and width of the stored pixels.

    Raises InvalidInputError for an entry of another form.
    """
    try:
        entities, others = (tuple(_entity(each, size, image) for each in entry[name]) for name in LISTS)
        return NounLabels(
            entities=entities, others=others, **{name: _nouns(tuple(entry[name])) for name in NOUNS}
        )
    except (TypeError, KeyError, ValueError) as error:
        raise InvalidInputError(f"nouns lack a key or have a wrong type: {error!r}") from None


def _entity(entry: Mapping[str, Any], size: tuple[int, int], image: EncodedImage) -> Entity:
    noun, span = entry["noun"], entry["span"]
    if not isinstance(noun, str):
        raise InvalidInputError(f"a noun must be a text, not {noun!r}")
    (rle,) = instance_rles([entry["mask"]], *size)
    masks = rle_masks((rle,), *size, image)
    if span is None:
        return Entity(noun, masks)
    left, right = span
    return Entity(noun, masks, (float(left), float(right)))


@lru_cache(4096)
def _nouns(names: tuple[str, ...]) -> frozenset[str]:
    """One set for all images that have the same: a data set has the same classes for each."""
    if not all(isinstance(name, str) for name in names):
        raise InvalidInputError("nouns must be texts")
    return frozenset(names)
