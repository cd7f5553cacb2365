"""Reader of RefCOCO, RefCOCO+ and RefCOCOg (Yu et al., arXiv 1608.00272; Mao et al., arXiv 1511.02283):
``refs(unc).p``, ``refs(google).p`` or ``refs(umd).p`` beside ``instances.json``, one target per expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.refs import Ref, RefsSettings, read_refs
from instructsam_ros.training.data.sample import Sample

Settings = RefsSettings
SETS = ("refcoco", "refcoco+", "refcocog")
"""Folder names that tell which of the sets it is."""


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read a sample per sentence, image by image. Raises InvalidInputError for files of another format."""
    folder = settings.annotations.absolute().parent.name
    return read_refs(settings, folder if folder in SETS else "refcoco", _targets, broken)


def _targets(ref: Ref) -> list[Any]:
    target = ref.get("ann_id")
    if type(target) is not int:
        raise InvalidInputError("ann_id must be one integer; a list is gRefCOCO's form")
    return [target]
