"""Samples of the views of a folder, the same at every reading: instructions, or nouns and hands."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.camera_files import read_depth
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.scenes.instructions.scene_facts import ObjectFacts, SceneFacts, is_category
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.hand_instructions import Hand, hand_instructions
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.noun_instructions import Entity
from instructsam_ros.training.data.photographs import masks_of
from instructsam_ros.training.data.sample import Phrase, Sample

LEAST_HAND = 0.002
"""Share of the pixels that a hand takes to be in the picture."""


def spread_views(root: str | Path, views: int, broken: BrokenRecords) -> Iterator[tuple[Path, View]]:
    """Read ``views`` views spread over a folder, 0 for all, without depth.

    Raises InvalidInputError for a folder without views and for too many damaged ones.
    """
    paths = view_paths(root)
    count = views or len(paths)
    for path in paths[:: max(1, len(paths) // count)][:count]:
        try:
            yield path, load_view(path, depth=False)
        except InvalidInputError as error:
            broken.add(root, path.name, error)


def instruction_samples(
    path: Path,
    view: View,
    count: int,
    rng: np.random.Generator,
    wordings: Literal["train", "heldout"] = "heldout",
) -> Iterator[Sample]:
    """Write up to ``count`` instructions about a view, without the labels of training.

    wordings: those that training uses, or others.
    """
    for item in instructions(view.meta, rng, count, split=wordings):
        sample = _sample(path, item.text, item.phrase, item.targets, item.level, item.cardinality, item.kind)
        yield replace(sample, meaning=" ".join(map(str, item.targets)))


def noun_samples(path: Path, view: View) -> Iterator[Sample]:
    """Name the categories in a view, each for all its objects."""
    seen = [item for item in SceneFacts(view.meta).objects.values() if item.seen != 0]
    for noun in dict.fromkeys(item.category for item in seen):
        targets = tuple(item.id for item in seen if item.category == noun)
        yield _sample(path, noun, noun, targets, "concept", "all", "noun")


def hand_samples(path: Path, view: View, seed: int) -> Iterator[Sample]:
    """Name the hands in a view, and write instructions about what they hold and touch.

    None for views without hands, and for those that were rendered before contacts were recorded.
    """
    objects = [item for item in SceneFacts(view.meta).objects.values() if item.seen != 0]
    entries = [
        entry
        for entry in view.meta.get("hands", ())
        if entry["side"] and (view.ids == entry["id"]).mean() >= LEAST_HAND
    ]
    if not entries:
        return
    ids = [item.id for item in objects] + [entry["id"] for entry in entries]
    nouns = [item.category for item in objects] + [f"{entry['side']} hand" for entry in entries]
    for index in range(len(objects), len(ids)):
        yield _sample(path, nouns[index], nouns[index], ids[index : index + 1], "concept", "one", "noun")
    entities = [Entity(noun, partial(_read_masks, path, (i,))) for noun, i in zip(nouns, ids, strict=True)]
    sure = {item.id for item in objects if item.seen == 1}
    hands = [_hand(entry, ids, sure) for entry in entries]
    rng = np.random.default_rng((seed, zlib.crc32(f"{path.parent.name}/{path.name}".encode())))
    held = frozenset(index for index, i in enumerate(ids) if _is_held(i, entries))
    untouched = dict(_untouched(objects, entries))
    for item in hand_instructions(entities, hands, held, untouched, rng):
        targets = [ids[index] for index in item.targets]
        yield _sample(path, item.text, item.phrase, targets, item.level, item.cardinality, item.kind)


def _hand(entry: Mapping[str, Any], ids: Sequence[int], sure: set[int]) -> Hand:
    """A hand; it is certain what it touches where that is one object that is well seen, or nothing by far."""
    touched = entry["touches"]
    is_certain = (len(touched) == 1 and touched[0] in sure) or not (touched or entry["near"])
    touches = ids.index(touched[0]) if is_certain and touched else None
    return Hand(entry["side"], ids.index(entry["id"]), is_certain, touches)


def _is_held(i: int, entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every hand that touches an object holds it."""
    touching = [entry for entry in entries if i in entry["touches"]]
    return bool(touching) and all(i in entry["holds"] for entry in touching)


def _untouched(
    objects: Sequence[ObjectFacts], entries: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, int | None]]:
    """Nouns of what hands touch, of which they touch all objects (None), or all but one (its index)."""
    touched = {i for entry in entries for i in entry["touches"]}
    near = {i for entry in entries for i in entry["near"]}
    for noun in dict.fromkeys(item.category for item in objects if item.id in touched):
        named = [is_category(noun)(item) for item in objects]
        rest = [index for index, item in enumerate(objects) if named[index] and item.id not in touched]
        is_clear = None not in named and all(objects[index].seen == 1 for index in rest)
        if is_clear and not rest:
            yield noun, None
        elif is_clear and len(rest) == 1 and objects[rest[0]].id not in near:
            yield noun, rest[0]


def _sample(
    path: Path, text: str, phrase: str, targets: Sequence[int], level: str, cardinality: str, kind: str
) -> Sample:
    return Sample(
        image=str(path),
        read=ImageFile(path).read,
        instruction=text,
        phrases=(Phrase(phrase, partial(_read_masks, path, tuple(targets))),),
        record=path.name,
        source="scenes",
        labels={"level": level, "cardinality": cardinality, "kind": kind},
        depth=partial(read_depth, path.with_name(f"{path.stem}_depth.png"), path.with_suffix(".json")),
    )


def _read_masks(path: Path, targets: tuple[int, ...]) -> NDArray[np.bool_]:
    return masks_of(load_view(path, depth=False).ids, targets)
