"""Texts of three levels about a labelled object: annotator and inspector in turn (arXiv 2512.04585)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.training.data.mask_codec import encode_masks, json_rle
from instructsam_ros.training.data_engine.asker import Asker
from instructsam_ros.training.data_engine.hmpl.schemas import Choices, Description
from instructsam_ros.training.data_engine.labelled_objects import LabelledImage
from instructsam_ros.training.data_engine.outcomes import Dropped, Outcome
from instructsam_ros.training.data_engine.pictures import crop_around, numbered_overlay
from instructsam_ros.training.data_engine.prompts import Prompts
from instructsam_ros.training.data_engine.target_words import target_words

LETTERS = "ABCDE"


@dataclass(frozen=True)
class ObjectOfImage:
    """An item: an object of an image, by its number there."""

    image: LabelledImage
    number: int

    @property
    def name(self) -> str:
        """Unique in a run."""
        return f"{self.image.name}#{self.number}"


@dataclass(frozen=True)
class HmplStages:
    """Annotator and inspector. rounds: of both; then the object is left to people. pixels: least mask."""

    asker: Asker
    prompts: Prompts
    rounds: int = 3
    pixels: int = 64

    def run(self, item: ObjectOfImage) -> Outcome:
        """Make the record of an object.

        Raises ParkedError, ChatError and BudgetError as ``Asker.ask``, InvalidInputError for image and mask.
        """
        labelled = item.image.objects[item.number]
        mask = labelled.mask()
        if int(mask.sum()) < self.pixels:
            return Outcome(item.name, "done", dropped=(Dropped(labelled.noun, "mask", "tiny mask"),))
        rgb = item.image.read()
        shown = numbered_overlay(rgb, mask[None])
        words = ", ".join(target_words(labelled.noun))
        feedback = ""
        dropped: list[Dropped] = []
        for _ in range(self.rounds):
            annotated = self.asker.ask(
                self.prompts["annotate"],
                {"noun": labelled.noun, "words": words, "feedback": feedback},
                [rgb, shown, crop_around(rgb, mask)],
                Description,
                lambda reply: reply.problem(labelled.noun),
            )
            description = annotated.value
            wrong, call = self._inspect(rgb, shown, description)
            if not wrong:
                record = {
                    "image": item.image.name,
                    "noun": labelled.noun,
                    "alone": labelled.alone,
                    "mask": json_rle(encode_masks(mask[None])[0]),
                    "description": description.model_dump(),
                    "provenance": {"calls": {"annotate": annotated.calls[-1], "inspect": call}},
                }
                return Outcome(item.name, "done", (record,), tuple(dropped))
            dropped += [Dropped(text, "inspect", "mistaken", f"taken for: {taken}") for text, taken in wrong]
            feedback = "An inspector did not find the object by these texts; write others:\n" + "\n".join(
                f"- {text} (taken for: {taken})" for text, taken in wrong
            )
        problem = f"the inspector failed {self.rounds} descriptions"
        return Outcome(item.name, "parked", (), tuple(dropped), problem)

    def _inspect(
        self, rgb: NDArray[np.uint8], shown: NDArray[np.uint8], description: Description
    ) -> tuple[list[tuple[str, str]], str]:
        """Texts that the inspector did not choose, each with what it chose; and the key of the call."""
        items, right = [], []
        for number, text in enumerate(description.texts()):
            options = [text, *description.negatives]
            order = np.random.default_rng(zlib.crc32(f"{number} {options}".encode())).permutation(
                len(options)
            )
            options = [options[place] for place in order]
            right.append(options)
            lines = [f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=True)]
            items.append("\n".join([f"Item {number + 1}", *lines]))
        answer = self.asker.ask(
            self.prompts["inspect"],
            {"items": "\n\n".join(items)},
            [rgb, shown],
            Choices,
            lambda reply: reply.problem(len(items)),
        )
        chosen = [
            options[LETTERS.index(letter)]
            for options, letter in zip(right, answer.value.answers, strict=True)
        ]
        pairs = zip(description.texts(), chosen, strict=True)
        return [(text, taken) for text, taken in pairs if text != taken], answer.calls[-1]
