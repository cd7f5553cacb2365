"""The HMPL engine as ``generate`` runs it: its items, and the files it writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from instructsam_ros import __version__
from instructsam_ros.training.annotation.items import ItemWriter
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data_engine.asker import Asker
from instructsam_ros.training.data_engine.hmpl.config import HmplConfig
from instructsam_ros.training.data_engine.hmpl.engine import HmplStages, ObjectOfImage
from instructsam_ros.training.data_engine.hmpl.people import PeopleItem, people_items, polish
from instructsam_ros.training.data_engine.hmpl.writer import Group, write_groups
from instructsam_ros.training.data_engine.labelled_objects import labelled_images
from instructsam_ros.training.data_engine.outcomes import Outcome
from instructsam_ros.training.data_engine.prompts import load_prompts

AnyItem = ObjectOfImage | PeopleItem


class HmplEngine:
    """See generate.Engine."""

    calls = ((6000, 400), (4000, 40))
    """Annotator and inspector."""

    def __init__(self, config: HmplConfig) -> None:
        self.config = config
        self.vlm, self.limits, self.prices, self.out = config.vlm, config.limits, config.prices, config.out
        self.prompts = load_prompts("hmpl", config.prompts)
        decisive = (config.vlm.identity, self.prompts, config.sets, config.rounds, config.pixels)
        self.fingerprint = hashlib.sha256(repr(decisive).encode()).hexdigest()
        self._items: list[AnyItem] | None = None

    def items(self) -> list[AnyItem]:
        """Objects of the sets, then what people wrote. Raises InvalidInputError for unreadable ones."""
        if self._items is None:
            found: list[AnyItem] = []
            images = labelled_images(self.config.data_sets(), BrokenRecords())
            for number, image in enumerate(images):
                if self.config.images and number >= self.config.images:
                    break
                places = np.arange(len(image.objects))
                if self.config.objects and len(places) > self.config.objects:
                    rng = np.random.default_rng((self.config.seed, number))
                    places = np.sort(rng.choice(places, self.config.objects, replace=False))
                found += [ObjectOfImage(image, int(place)) for place in places]
            for folder in self.config.people:
                found += people_items(folder)
            self._items = found
        return self._items

    def stages(self, asker: Asker) -> Callable[[AnyItem], Outcome]:
        """See generate.Engine."""
        stages = HmplStages(asker, self.prompts, self.config.rounds, self.config.pixels)

        def work(item: AnyItem) -> Outcome:
            if isinstance(item, PeopleItem):
                return polish(asker, self.prompts, item)
            return stages.run(item)

        return work

    def write(self, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
        """Write HMPL-Instruct_1to1 and _1toN, and the objects for people as an annotation folder."""
        items = {item.name: item for item in self.items()}
        one: list[Group] = []
        many: list[Group] = []
        for outcome in outcomes:
            for record in outcome.records:
                item = items[outcome.item]
                read = item.image.read if isinstance(item, ObjectOfImage) else item.read
                group = self._group(record, read)
                (one if len(group.masks) == 1 else many).append(group)
        self._for_people([items[o.item] for o in outcomes if o.state == "parked"])
        folders = [("HMPL-Instruct_1to1", one), ("HMPL-Instruct_1toN", many)]
        return [write_groups(self.out / name, groups) for name, groups in folders if groups]

    def _group(self, record: dict[str, Any], read: Callable[[], Any]) -> Group:
        provenance = {
            "engine": f"hmpl {__version__}",
            "model": self.vlm.identity,
            "prompts": self.prompts.version,
            **record["provenance"],
        }
        if "texts" in record:
            texts = record["texts"]
            return Group(record["image"], read, record["masks"], texts, "object", provenance)
        description = record["description"]
        texts = {
            "concept": [description["concept"]] if record["alone"] else [],
            "simple_query": list(description["simple"].values()),
            "complex_query": list(description["complex"].values()),
            "negatives": description["negatives"],
        }
        return Group(record["image"], read, [record["mask"]], texts, record["noun"], provenance)

    def _for_people(self, parked: Sequence[AnyItem]) -> None:
        """Objects that the model could not describe; a folder in which people have begun stays as it is."""
        folder = self.out / "people"
        objects = [item for item in parked if isinstance(item, ObjectOfImage)]
        if not objects or (folder / "items.json").exists():
            return
        writer = ItemWriter(folder)
        for item in objects:
            masks = np.stack([each.mask() for each in item.image.objects])
            nouns = [each.noun for each in item.image.objects]
            note = "no description passed the inspection"
            writer.add(item.name, item.image.read(), masks, nouns, [item.number], note)
        writer.finish()
