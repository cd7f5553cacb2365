"""Objects of photographs pasted into rendered views, and instructions that name them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES, MIXED
from instructsam_ros.scenes.assets.nouns import everyday_nouns
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import Instruction
from instructsam_ros.scenes.instructions.generator import realize_instruction
from instructsam_ros.scenes.instructions.instruction_sampler import InstructionSampler
from instructsam_ros.scenes.instructions.logical_form import LogicalForm
from instructsam_ros.scenes.instructions.noun_phrases import Noun
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts, is_category
from instructsam_ros.scenes.rendering.annotations import seen_part
from instructsam_ros.training.data.labelled_pictures import CLEAR_AREA, PictureLabel
from instructsam_ros.training.data.picture_changes import Cutout, paste
from instructsam_ros.training.data.random_resized_crop import seen_entry

UNCLEAR_KINDS = frozenset({"material", "host", "host_with", "empty"})
"""Kinds of instructions that a pasted object makes unclear: what it is made of and lies on is not known."""
HARDLY_VISIBLE = 0.3
"""Visible share that pasted objects are given, with which instructions can neither mean nor exclude them."""


def fits_views(cutout: Cutout) -> bool:
    """Return whether what an object serves is known as well as that of rendered ones."""
    label = cutout.label
    return label.noun in KNOWN_CATEGORIES or not everyday_nouns()[label.noun].affords


def paste_on_view(
    view: View, objects: Sequence[Cutout], rng: np.random.Generator
) -> tuple[View, tuple[PictureLabel, ...]]:
    """Paste objects over a view; annotations of what they hide follow.

    The pasted objects are in the annotations as hardly visible ones: they have no place in space.
    """
    fitting = [each for each in objects if fits_views(each)]
    taken = max((entry["id"] for entry in view.meta["objects"]), default=0)
    rgb, ids, labels = paste(view.rgb, view.ids, fitting, rng, taken)
    entries = [seen_entry(entry, ids, 1.0) for entry in view.meta["objects"]]
    entries += [_entry(label, ids) for label in labels if (ids == label.id).any()]
    return dataclasses.replace(view, rgb=rgb, ids=ids, meta=view.meta | {"objects": entries}), labels


def about_pasted(view: View, labels: Sequence[PictureLabel], rng: np.random.Generator) -> list[Instruction]:
    """Name every pasted object that is clearly seen and that nothing else may be called the name of."""
    sampler = InstructionSampler(SceneFacts(view.meta), random.Random(int(rng.integers(1 << 62))), "train")
    found = []
    for label in labels:
        pixels = int((view.ids == label.id).sum())
        if pixels < CLEAR_AREA * view.ids.size or pixels < 0.6 * label.pixels:
            continue
        one, many = sampler.pick(everyday_nouns()[label.noun].names)
        named = sampler.facts.where(is_category(label.noun)) | {label.id: 1}
        noun = Noun(one, many, one, many, label.noun, named, category=label.noun)
        form = sampler.pick(
            (
                LogicalForm("concept", "concept", noun, named, noun.slots),
                LogicalForm("simple", "name", noun, named, noun.slots, unique=True),
            )
        )
        item = realize_instruction(sampler, form, negative=False)
        found += [item] if item else []
    return found


def _entry(label: PictureLabel, ids: NDArray[np.uint8]) -> dict[str, Any]:
    found, (height, width) = seen_part(ids == label.id), ids.shape
    left, top, right, bottom = found["bbox"]
    return {
        "id": label.id,
        "category": label.noun,
        "perhaps": sorted(label.perhaps),
        "color": MIXED,
        "material": "",
        "groups": list(everyday_nouns()[label.noun].kinds),
        "extent": [0.1, 0.1, 0.1],
        "pos_cam": [0.0, 0.0, 1.0],
        "parent": None,
        "rel": None,
        **found,
        "box": [left / width, top / height, right / width, bottom / height],
        "pixels_full": round(label.pixels),
        "visible": HARDLY_VISIBLE,
        "truncated": True,
        "rgb_median": None,
    }
