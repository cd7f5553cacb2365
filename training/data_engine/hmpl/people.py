"""Texts that people wrote with ``instructsam annotate``, polished by the language model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import read_picture
from instructsam_ros.training.annotation.items import Item, read_items
from instructsam_ros.training.annotation.store import Annotation, AnnotationStore, Subset
from instructsam_ros.training.data_engine.asker import Asker
from instructsam_ros.training.data_engine.hmpl.schemas import Polished, complex_problem
from instructsam_ros.training.data_engine.outcomes import Dropped, Outcome
from instructsam_ros.training.data_engine.pictures import numbered_overlay
from instructsam_ros.training.data_engine.prompts import Prompts


@dataclass(frozen=True)
class PeopleItem:
    """A person's description of instances of an item."""

    folder: Path
    item: Item
    annotation: Annotation
    subset: Subset

    @property
    def name(self) -> str:
        """Unique in a run, and another one after every change."""
        who = f"{self.annotation.person}@{self.annotation.revision}"
        return f"{self.folder.name}/{self.item.id}#{self.subset.id}#{who}"

    def read(self) -> NDArray[np.uint8]:
        """Read the image, uint8 [H, W, 3]. Raises InvalidInputError."""
        rgb = read_picture(self.folder / self.item.image)
        if rgb is None:
            raise InvalidInputError(f"{self.item.image} is no picture")
        return rgb


def people_items(folder: Path) -> Iterator[PeopleItem]:
    """Complete descriptions of an annotation folder that no inspector rejected."""
    items = {item.id: item for item in read_items(folder)}
    for annotation, subset in AnnotationStore(folder).accepted():
        if annotation.item in items:
            yield PeopleItem(folder, items[annotation.item], annotation, subset)


def polish(asker: Asker, prompts: Prompts, found: PeopleItem) -> Outcome:
    """Correct the language of a description. One whose meaning changed keeps the person's words.

    Raises as ``Asker.ask``.
    """
    written = found.subset
    instances = [found.item.instances[place] for place in written.instances]
    words = sorted({word for each in instances for word in each["words"]})
    rgb, masks = found.read(), found.item.masks()[written.instances]
    answer = asker.ask(
        prompts["polish"],
        {"words": ", ".join(words), "simple": written.referring, "complex": written.reasoning},
        [rgb, numbered_overlay(rgb, masks)],
        Polished,
        lambda reply: complex_problem([reply.complex], words),
    )
    polished = answer.value
    dropped: tuple[Dropped, ...] = ()
    texts = {"concept": [], "simple_query": [polished.simple], "complex_query": [polished.complex]}
    if not polished.unchanged_meaning:
        dropped = (Dropped(polished.simple, "polish", "meaning changed"),)
        texts = {"concept": [], "simple_query": [written.referring], "complex_query": [written.reasoning]}
    record = {
        "image": f"{found.folder.name}/{found.item.image}",
        "masks": [each["mask"] for each in instances],
        "texts": texts,
        "provenance": {
            "person": found.annotation.person,
            "item": found.item.id,
            "calls": {"polish": answer.calls[-1]},
        },
    }
    return Outcome(found.name, "done", (record,), dropped)
