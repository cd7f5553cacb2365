"""Training samples from photographs with labelled objects, newly framed and worded at every visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.instructions.instruction import Instruction
from instructsam_ros.scenes.instructions.pictures import picture_instructions
from instructsam_ros.training.data.labelled_pictures import LabelledPicture
from instructsam_ros.training.data.picture_changes import Cutout, mirrored, paste, random_crop, whole
from instructsam_ros.training.data.sample import Grounding, LabelledObject, Phrase, Sample

OVERSAMPLING = 2
"""How many instructions are generated for each that is drawn, so that there is one of several kinds."""
MOST_PASTED = 4
CROP_TRIES = 3
"""Crops that are tried before the whole picture; a crop may show nothing that can be named."""

Cutouts = Callable[[int, np.random.Generator], Sequence[Cutout]]
"""Returns up to so many objects of random photographs."""


@dataclass(frozen=True)
class PictureSettings:
    """size: width and height of the model's input. instructions: about each image. mirror, reframe, paste:
    probabilities of a mirrored image, of another framing, and of objects of other photographs in it.
    """

    size: tuple[int, int]
    instructions: int
    mirror: float = 0.0
    reframe: float = 0.0
    paste: float = 0.0


def picture_samples(
    picture: LabelledPicture,
    template: Sample,
    settings: PictureSettings,
    cutouts: Cutouts,
    rng: np.random.Generator,
) -> list[Sample]:
    """Change a photograph at random and make instructions about what it then shows.

    Raises InvalidInputError where no instruction fits the whole photograph.
    """
    if rng.random() < settings.mirror:
        picture = mirrored(picture)
    crops = CROP_TRIES if rng.random() < settings.reframe else 0
    pastes = rng.random() < settings.paste
    for attempt in range(crops + 1):
        seen = random_crop(picture, settings.size, rng) if attempt < crops else whole(picture, settings.size)
        if pastes:
            objects = cutouts(int(rng.integers(1, MOST_PASTED + 1)), rng)
            rgb, id_map, labels = paste(seen.rgb, seen.id_map, objects, rng)
            seen = replace(seen, rgb=rgb, id_map=id_map, labels=seen.labels + labels)
        facts = seen.facts()
        found = picture_instructions(facts, rng, OVERSAMPLING * settings.instructions)
        if found:
            picked = rng.choice(len(found), settings.instructions, replace=len(found) < settings.instructions)
            objects_seen = seen.labelled_objects(facts)
            return [_sample(template, seen, objects_seen, found[i]) for i in picked.tolist()]
    raise InvalidInputError("no instruction fits what is labelled")


def _sample(
    template: Sample, picture: LabelledPicture, objects: tuple[LabelledObject, ...], item: Instruction
) -> Sample:
    return replace(
        template,
        read=lambda: picture.rgb,
        instruction=item.text,
        phrases=(Phrase(item.phrase, partial(masks_of, picture.id_map, item.targets)),),
        labels={"level": item.level, "cardinality": item.cardinality, "kind": item.kind},
        grounding=Grounding(
            id_map=picture.id_map,
            objects=objects,
            targets=item.targets,
            phrase_ids=item.phrase_ids,
            mentions=tuple((mention.text, mention.ids) for mention in item.mentions),
            has_absent_referent=item.has_absent_referent,
            is_complete=False,
        ),
    )


def masks_of(id_map: NDArray[np.uint8], ids: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the masks of some ids, bool [m, H, W]."""
    return np.stack([id_map == i for i in ids]) if ids else np.zeros((0, *id_map.shape), bool)
