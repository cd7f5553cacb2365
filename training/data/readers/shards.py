"""Reader of shards: tar archives in the layout of the webdataset library, from ``instructsam data convert``.

Files of one image have one name up to the first full stop and follow each other: the image (JPEG, PNG ...)
and JSON {image, height, width, samples: [{instruction, phrases: [{text, masks: [RLE]}], boxes_only, ignore:
[RLE], record, source, split, labels}], nouns (see ../shard_labels.py) or null}. Masks are COCO RLEs of the
stored pixels. Memory holds the annotations and the places of the images, which are read when asked for. The
library itself reads in sequence, with a shuffle buffer; a run that continues exactly needs any sample by its
position.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.json_files import json_errors
from instructsam_ros.training.data.mask_codec import check_size, instance_rles, rle_masks
from instructsam_ros.training.data.noun_instructions import NounLabels
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.shard_labels import read_labels
from instructsam_ros.training.data.tar_members import TarMember, tar_archives, tar_members
from instructsam_ros.types import check_instruction


@dataclass(frozen=True)
class Settings:
    """path: a folder of .tar archives, or one archive."""

    path: Path


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read samples in the order of the archives.

    Raises InvalidInputError where there is no archive, and for a file that is none.
    """
    for archive in tar_archives(settings.path):
        for key, group in groupby(tar_members(archive, broken), attrgetter("key")):
            try:
                image, entry = _pair(list(group))
                nouns = _nouns(entry, image)
            except InvalidInputError as error:
                broken.add(archive, key, error)
                continue
            for place, item in enumerate(entry["samples"]):
                try:
                    yield replace(_sample(item, entry, image), nouns=nouns)
                except InvalidInputError as error:
                    broken.add(archive, f"{key}.samples[{place}]", error)


def _pair(members: list[TarMember]) -> tuple[TarMember, dict[str, Any]]:
    """The image of a key and its annotations, of which image, height, width and samples are checked."""
    texts = [member for member in members if member.name.endswith(".json")]
    images = [member for member in members if member not in texts]
    if (len(texts), len(images)) != (1, 1):
        raise InvalidInputError(f"expected one image and one .json, got {[m.name for m in members]}")
    with json_errors(texts[0].name):
        entry = json.loads(texts[0].read_bytes())
    try:
        name, height, width, samples = (entry[key] for key in ("image", "height", "width", "samples"))
    except (TypeError, KeyError):
        raise InvalidInputError("expected an object with image, height, width and samples") from None
    if not isinstance(name, str) or not isinstance(samples, list):
        raise InvalidInputError("image must be a name and samples a list")
    check_size(height, width)
    return images[0], entry


def _nouns(entry: Mapping[str, Any], image: TarMember) -> NounLabels | None:
    """The labels that all samples of an image share; archives of data sets without any may lack the key."""
    nouns = entry.get("nouns")
    return read_labels(nouns, (entry["height"], entry["width"]), image) if nouns is not None else None


def _sample(item: Any, entry: Mapping[str, Any], image: TarMember) -> Sample:
    size = entry["height"], entry["width"]
    try:
        instruction = check_instruction(item["instruction"])
        phrases = [(phrase["text"], instance_rles(phrase["masks"], *size)) for phrase in item["phrases"]]
        ignore = instance_rles(item["ignore"], *size)
        texts = {key: item[key] for key in ("record", "source", "split")}
        boxes_only, labels = item["boxes_only"], item["labels"]
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidInputError(f"a sample lacks a key or has a wrong type: {error}") from None
    if not all(isinstance(text, str) for text in (*texts.values(), *(text for text, _ in phrases))):
        raise InvalidInputError("record, source, split and the texts of phrases must be texts")
    if not phrases or not isinstance(boxes_only, bool) or not isinstance(labels, dict):
        raise InvalidInputError("phrases must not be empty, boxes_only true or false, labels an object")
    return Sample(
        image=entry["image"],
        read=image.read,
        instruction=instruction,
        phrases=tuple(Phrase(text, rle_masks(rles, *size, image)) for text, rles in phrases),
        boxes_only=boxes_only,
        ignore=rle_masks(ignore, *size, image) if ignore else None,
        labels={str(label): str(value) for label, value in labels.items()},
        **texts,
    )
