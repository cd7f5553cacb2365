"""What people wrote about the items of an annotation folder: a file per person and item, and per verdict.

``annotations/PERSON/ITEM.json`` and ``verdicts/PERSON/ITEM~AUTHOR.json``; nobody writes those of others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InstructSamError, InvalidInputError

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
M = TypeVar("M", bound=BaseModel)


class Point(BaseModel):
    """A click, in pixels of the image, and the instance whose mask holds it."""

    x: float
    y: float
    instance: int = Field(ge=0)


class Subset(BaseModel):
    """Instances that texts mean together. referring: names them; reasoning: does not."""

    id: Name
    points: list[Point] = Field(default_factory=list, max_length=500)
    referring: Text = ""
    reasoning: Text = ""

    @property
    def instances(self) -> list[int]:
        """The chosen instances, ascending."""
        return sorted({point.instance for point in self.points})

    @property
    def is_complete(self) -> bool:
        """Whether there are points and both texts."""
        return bool(self.points and self.referring.strip() and self.reasoning.strip())


class Annotation(BaseModel):
    """All subsets of a person about an item. revision: counts the saves."""

    item: Name
    person: Name
    revision: int = 0
    subsets: list[Subset] = Field(default_factory=list, max_length=50)


class Judgement(BaseModel):
    """A verdict on a subset, with flags of what is wrong."""

    verdict: Literal["accept", "reject", "unsure"]
    flags: list[Annotated[str, StringConstraints(max_length=40)]] = Field(default_factory=list, max_length=20)
    note: Text = ""


class Verdicts(BaseModel):
    """What a person says of another one's annotation. of_revision: the one that was seen."""

    item: Name
    author: Name
    person: Name
    of_revision: int
    revision: int = 0
    judgements: dict[str, Judgement] = Field(default_factory=dict)


class StaleError(InstructSamError):
    """A save over a newer revision, for example of another tab."""


class AnnotationStore:
    """Reads and writes below an annotation folder. Threads share an object; one process serves a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def annotations(self) -> list[Annotation]:
        """All annotations. Raises InvalidInputError for a damaged file."""
        return [_read(path, Annotation) for path in sorted(self.folder.glob("annotations/*/*.json"))]

    def verdicts(self) -> list[Verdicts]:
        """All verdicts. Raises InvalidInputError for a damaged file."""
        return [_read(path, Verdicts) for path in sorted(self.folder.glob("verdicts/*/*.json"))]

    def save(self, annotation: Annotation) -> Annotation:
        """Write an annotation that was made from the stored revision; returns it with the next one.

        One that says what is stored changes nothing. Raises StaleError where another revision is stored.
        """
        path = self.folder / "annotations" / annotation.person / f"{annotation.item}.json"
        return self._save(path, annotation)

    def judge(self, verdicts: Verdicts) -> Verdicts:
        """Write verdicts, as ``save``. Raises InvalidInputError for a person's own work."""
        if verdicts.person == verdicts.author:
            raise InvalidInputError("nobody inspects their own work")
        path = self.folder / "verdicts" / verdicts.person / f"{verdicts.item}~{verdicts.author}.json"
        return self._save(path, verdicts)

    def accepted(self) -> Iterator[tuple[Annotation, Subset]]:
        """Complete subsets that nobody rejected in their present revision."""
        rejected = {
            (verdicts.item, verdicts.author, verdicts.of_revision, subset)
            for verdicts in self.verdicts()
            for subset, judgement in verdicts.judgements.items()
            if judgement.verdict == "reject"
        }
        for annotation in self.annotations():
            for subset in annotation.subsets:
                key = (annotation.item, annotation.person, annotation.revision, subset.id)
                if subset.is_complete and key not in rejected:
                    yield annotation, subset

    def _save(self, path: Path, value: _Saved) -> _Saved:
        with self._lock:
            stored = _read(path, type(value)) if path.exists() else None
            revision = stored.revision if stored else 0
            if stored and stored == value.model_copy(update={"revision": revision}):
                return stored  # sent again by a page that did not get the answer
            if value.revision != revision:
                raise StaleError(f"revision {revision} is stored, this is a change of {value.revision}")
            value = value.model_copy(update={"revision": revision + 1})
            write_atomic(path, value.model_dump_json(indent=1).encode())
        return value


_Saved = TypeVar("_Saved", Annotation, Verdicts)


def _read(path: Path, kind: type[M]) -> M:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidInputError(f"{path} is damaged: {error.errors()[0]['msg']}") from None
