"""Referring expressions in the layout of RefCOCO (Yu et al., arXiv 1608.00272): a list of refs beside a COCO
instance file.

A ref is {ref_id, image_id, ann_id, category_id, split, sentences: [{sent, raw, sent_id, tokens}]}. Its
``file_name`` carries a suffix that no image has, so that the instance file names the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.index import CocoIndex, read_index
from instructsam_ros.training.data.coco.safe_pickle import load_plain_pickle
from instructsam_ros.training.data.image_files import check_folder
from instructsam_ros.training.data.json_stream import stream_list
from instructsam_ros.training.data.sample import Phrase, Sample, as_phrase, cardinality
from instructsam_ros.types import check_instruction

Ref = Mapping[str, Any]


@dataclass(frozen=True)
class RefsSettings:
    """annotations: the refs, a pickle (.p) or JSON. images: folder of the images. split: the part to read,
    e.g. "testA"; all of them by default. instances: the COCO instance file; instances.json beside the refs
    by default.
    """

    annotations: Path
    images: Path
    split: str = ""
    instances: Path | None = None


def read_refs(
    settings: RefsSettings, source: str, targets: Callable[[Ref], list[Any]], broken: BrokenRecords
) -> Iterator[Sample]:
    """Read a sample per sentence, image by image in the order of their first refs.

    targets: returns the annotation ids of a ref, none for no target; raises InvalidInputError. Raises
    InvalidInputError for files of another format and for a split without refs.
    """
    path = settings.annotations
    check_folder(settings.images)
    refs = _load(path)
    index = read_index(settings.instances or path.with_name("instances.json"), broken)
    by_image: dict[object, list[tuple[int, Ref]]] = {}
    splits: set[str] = set()
    for number, ref in enumerate(refs):
        if not isinstance(ref, dict) or not isinstance(ref.get("sentences"), list):
            broken.add(path, f"[{number}]", "expected an object with a list of sentences")
            continue
        splits.add(_split(ref))
        if settings.split in ("", _split(ref)):
            key = ref.get("image_id")
            by_image.setdefault(key if isinstance(key, int | str) else None, []).append((number, ref))
    if settings.split and settings.split not in splits:
        raise InvalidInputError(f"{path} has no split {settings.split!r}, only {', '.join(sorted(splits))}")
    for group in by_image.values():
        for number, ref in group:
            try:
                yield from _samples(ref, f"[{number}]", settings, source, targets(ref), index, broken)
            except InvalidInputError as error:
                broken.add(path, f"[{number}]", error)


def _samples(
    ref: Ref,
    record: str,
    settings: RefsSettings,
    source: str,
    targets: list[Any],
    index: CocoIndex,
    broken: BrokenRecords,
) -> Iterator[Sample]:
    number: Any = ref.get("image_id")
    name, image = index.image(number, settings.images)
    masks = index.masks(number, targets, image)
    for place, sentence in enumerate(ref["sentences"]):
        where = f"{record}.sentences[{place}]"
        try:
            text = check_instruction(_text(sentence))
        except InvalidInputError as error:
            broken.add(settings.annotations, where, error)
            continue
        yield Sample(
            image=name,
            read=image.read,
            instruction=text,
            phrases=(Phrase(as_phrase(text), masks),),
            record=where,
            source=source,
            split=_split(ref),
            labels={"cardinality": cardinality(len(targets))},
        )


def _text(sentence: Any) -> Any:
    """``sent`` of a sentence, its cleaned text, or ``raw`` where it has none."""
    if not isinstance(sentence, dict):
        raise InvalidInputError("expected an object with a text sent")
    return sentence.get("sent") or sentence.get("raw") or ""


def _split(ref: Ref) -> str:
    split = ref.get("split")
    return split if isinstance(split, str) else ""


def _load(path: Path) -> list[Any]:
    if path.suffix not in (".p", ".pkl", ".pickle"):
        return list(stream_list(path))
    refs = load_plain_pickle(path)
    if not isinstance(refs, list):
        raise InvalidInputError(f"{path} holds a {type(refs).__name__}, not a list of refs")
    return refs
