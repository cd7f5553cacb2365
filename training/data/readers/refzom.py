"""Reader of Ref-ZOM (Hu et al., arXiv 2308.13387): RefCOCO's layout with a ``source`` per ref, where "zero"
marks an expression without target; ``ann_id`` is one integer or a list.
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
    return read_refs(settings, "refzom", _targets, broken)


def _targets(ref: Ref) -> list[Any]:
    if ref.get("source") == "zero":
        return []
    target = ref.get("ann_id")
    targets = target if isinstance(target, list) else [target]
    if not targets or not all(type(key) is int for key in targets):
        raise InvalidInputError('ann_id must be an integer or a list of them, unless source is "zero"')
    return targets
