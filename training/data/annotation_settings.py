"""Settings that most readers share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AnnotationSettings:
    """annotations: the file of annotations. images: the folder its paths start from."""

    annotations: Path
    images: Path
