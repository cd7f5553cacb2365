"""Instructions about a VISOR frame: its nouns, its hands, and what is being done."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from instructsam_ros.training.data.hand_instructions import (
    Action,
    action_instructions,
    hand_instructions,
)
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.readers.visor.annotations import VisorAnnotation, hands_of
from instructsam_ros.training.data.readers.visor.even_odd_polygons import (
    are_far_apart,
    bounding_box,
    gap,
    polygon_masks,
)
from instructsam_ros.training.data.sample import Sample

FAR_APART = 0.05
"""Gap between parts of an entity, in widths of the image, that suggests several objects."""
REACH = 0.05
"""Gap between a hand and an object, in widths of the image, beyond which they certainly do not touch."""


def frame_samples(
    annotations: Sequence[VisorAnnotation],
    image: ImageFile,
    size: tuple[int, int],
    template: Sample,
    count: int,
    seed: int,
    *,
    held: frozenset[int] = frozenset(),
    actions: Iterable[Action] = (),
    damaged: frozenset[str] = frozenset(),
) -> Iterator[Sample]:
    """Make up to ``count`` samples of one frame.

    size: height and width that the polygons are in. held: noun classes of things that are held when they are
    touched. damaged: nouns with an annotation that cannot be read. Samples on an entity whose parts are far
    apart have the label instances: "maybe several", since VISOR does not tell several objects from one.
    """
    width = size[1]
    hands = hands_of(annotations)
    seen = [index for index, each in enumerate(annotations) if each.polygons]
    place = {index: number for number, index in enumerate(seen)}
    visible = [annotations[index] for index in seen]
    is_turned = image.is_turned()
    entities = tuple(_entity(each, image, size, is_turned) for each in visible)
    moved = [
        replace(
            hand,
            entity=None if hand.entity is None else place[hand.entity],
            touches=None if hand.touches is None else place[hand.touches],
        )
        for hand in hands
    ]
    several = {each.noun for each in visible if are_far_apart(each.polygons, FAR_APART * width)}
    unsure = damaged | {each.noun for each in annotations if not (each.is_exhaustive and each.polygons)}
    labels = NounLabels(
        entities,
        exhaustive=frozenset({each.noun for each in visible} - unsure - several),
        ambiguous=frozenset(unsure),
    )
    rng = np.random.default_rng((seed, zlib.crc32(template.image.encode()), 1))
    graspable = frozenset(index for index, each in enumerate(visible) if each.class_id in held)
    touched = {hand.touches for hand in moved}
    untouched = dict(_untouched(visible, touched, labels.exhaustive, REACH * width))
    more = [
        *hand_instructions(entities, moved, graspable, untouched, rng),
        *action_instructions(entities, actions, rng),
    ]
    for sample in noun_samples(labels, template, count, seed, more):
        if sample.phrases[0].text in several:
            sample = replace(sample, labels={**sample.labels, "instances": "maybe several"})
        yield sample


def _entity(annotation: VisorAnnotation, image: ImageFile, size: tuple[int, int], is_turned: bool) -> Entity:
    left, _, right, _ = bounding_box(annotation.polygons)
    span = max(left, 0) / size[1], min(right + 1, size[1]) / size[1]
    masks = polygon_masks(annotation.polygons, *size, image)
    return Entity(annotation.noun, masks, None if is_turned else span)


def _untouched(
    visible: Sequence[VisorAnnotation], touched: set[int | None], nouns: frozenset[str], reach: float
) -> Iterator[tuple[str, int | None]]:
    """Nouns of which hands touch all objects (None), or all but one that is out of reach (its index)."""
    boxes = [bounding_box(each.polygons) for each in visible]
    hands = [box for each, box in zip(visible, boxes, strict=True) if each.is_hand]
    for noun in sorted(nouns - {each.noun for each in visible if each.is_hand}):
        rest = [index for index, each in enumerate(visible) if each.noun == noun and index not in touched]
        if not rest:
            yield noun, None
        elif len(rest) == 1 and all(gap(boxes[rest[0]], hand) > reach for hand in hands):
            yield noun, rest[0]
