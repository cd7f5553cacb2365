"""Reader of gRefCOCO (Liu et al., arXiv 2306.00968): ``grefs(unc).json`` or ``.p`` beside ``instances.json``;
``ann_id`` is a list of targets, [-1] for none, and images are those of COCO train2014.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.coco.refs import Ref, RefsSettings, read_refs
from instructsam_ros.training.data.sample import Sample

Settings = RefsSettings


def read(settings: Settings, broken: BrokenRecords) -> Iterator[Sample]:
    """Read a sample per sentence, image by image. Raises InvalidInputError for files of another format."""
    return read_refs(settings, "grefcoco", _targets, broken)


def _targets(ref: Ref) -> list[Any]:
    targets = ref.get("ann_id")
    if not isinstance(targets, list) or not targets:
        raise InvalidInputError("ann_id must be a list of integers, [-1] for no target")
    return [] if targets == [-1] else targets
