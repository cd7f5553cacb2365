"""Reader of HMPL-Instruct (SAM3-I, arXiv 2512.04585), ``HMPL-Instruct_{1to1,1toN,1toAll}/sam3i_*.json``: a
COCO instance file in which every image record is one group of instructions, and all its annotations are
meant by each. ``text_inst_input`` holds texts of three levels: ``concept`` (a noun phrase), ``simple_query``
(names the noun and more) and ``complex_query`` (never names it). A record may have a ``phrase``, the noun
phrase of the answer where there is no concept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.index import CocoIndex, read_index
from instructsam_ros.training.data.image_files import check_folder
from instructsam_ros.training.data.sample import Phrase, Sample, as_phrase, cardinality
from instructsam_ros.types import check_instruction

LEVELS = {"concept": "concept", "simple_query": "simple", "complex_query": "complex"}
CARDINALITIES = {"1to1": "one", "1toN": "many", "1toAll": "all"}


@dataclass(frozen=True)
class Settings:
    """annotations: the JSON file, in a folder whose name ends in its cardinality. images: the folder its
    paths start from. first_text: only the first text of each level, as the release evaluates.
    """

    annotations: Path
    images: Path
    first_text: bool = False


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read a sample per text, image by image. Raises InvalidInputError for a file of another form."""
    check_folder(settings.images)
    index = read_index(settings.annotations, broken)
    members: dict[int, list[int]] = {}
    for key, annotation in index.annotations.items():
        owner = annotation.get("image_id")
        if type(owner) is not int or owner not in index.images:
            broken.add(settings.annotations, f"annotation {key}", "its image_id is of no image")
        else:
            members.setdefault(owner, []).append(key)
    files: dict[str, list[int]] = {}
    for number, entry in index.images.items():
        files.setdefault(str(entry.get("file_name"))[:1000], []).append(number)
    for numbers in files.values():
        for number in numbers:
            yield from _samples(number, members.get(number, []), index, settings, broken)


def _samples(
    number: int, members: list[int], index: CocoIndex, settings: Settings, broken: BrokenRecords
) -> Iterator[Sample]:
    record = f"image {number}"
    entry = index.images[number]
    try:
        groups = entry.get("text_inst_input")
        if not isinstance(groups, dict) or not all(isinstance(groups.get(k, []), list) for k in LEVELS):
            raise InvalidInputError(f"text_inst_input must hold lists of texts {', '.join(LEVELS)}")
        name, image = index.image(number, settings.images)
        masks = index.masks(number, members, image)
    except InvalidInputError as error:
        broken.add(settings.annotations, record, error)
        return
    labels = {"cardinality": _cardinality(settings.annotations, len(members))}
    for key, level in LEVELS.items():
        for place, text in enumerate(groups.get(key, [])[: 1 if settings.first_text else None]):
            where = f"{record}.{key}[{place}]"
            try:
                instruction = check_instruction(text)
            except InvalidInputError as error:
                broken.add(settings.annotations, where, error)
                continue
            yield Sample(
                image=name,
                read=image.read,
                instruction=instruction,
                phrases=(Phrase(_phrase(entry, groups, instruction), masks),),
                record=where,
                source="hmpl",
                labels={"level": level, **labels},
                meaning=record,
            )


def _cardinality(path: Path, targets: int) -> str:
    """That of the folder's name, or else that of the masks, which do not tell "many" from "all"."""
    folder = path.absolute().parent.name
    named = next((name for ending, name in CARDINALITIES.items() if folder.endswith(ending)), "")
    return named or cardinality(targets)


def _phrase(entry: Mapping[str, Any], groups: Mapping[str, Any], instruction: str) -> str:
    """The concept of the group, or else the phrase of the record or the instruction."""
    for found in ((groups.get("concept") or [""])[0], entry.get("phrase")):
        if isinstance(found, str) and found.strip():
            return found
    return as_phrase(instruction)
