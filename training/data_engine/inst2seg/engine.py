"""Inst2Seg from a folder of videos or pictures: questions, boxes, masks, filters (after arXiv 2605.26102)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import read_picture
from instructsam_ros.training.data.mask_codec import encode_masks, json_rle
from instructsam_ros.training.data_engine.asker import Asker
from instructsam_ros.training.data_engine.inst2seg.filters import (
    FilterSettings,
    count_problem,
    mask_problem,
    repeated_masks,
    repeated_questions,
)
from instructsam_ros.training.data_engine.inst2seg.schemas import (
    SCALE,
    Question,
    Questions,
    Target,
    Targets,
    Verdicts,
)
from instructsam_ros.training.data_engine.masks import BoxMasks
from instructsam_ros.training.data_engine.outcomes import Dropped, Outcome
from instructsam_ros.training.data_engine.pictures import numbered_overlay
from instructsam_ros.training.data_engine.prompts import Prompts

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class FrameFile:
    """An item: a picture, and where it comes from."""

    path: Path
    name: str
    origin: dict[str, Any]

    def read(self) -> Image:
        """Read it, uint8 [H, W, 3]. Raises InvalidInputError."""
        rgb = read_picture(self.path)
        if rgb is None:
            raise InvalidInputError(f"{self.path} is no picture")
        return rgb


@dataclass(frozen=True)
class Inst2SegStages:
    """Stages 1 to 4 on a frame. questions: asked about each."""

    asker: Asker
    prompts: Prompts
    masks: BoxMasks
    filters: FilterSettings
    questions: int = 8

    def run(self, frame: FrameFile) -> Outcome:
        """Make the records of a frame.

        Raises ParkedError, ChatError and BudgetError as ``Asker.ask``, InvalidInputError for the picture.
        """
        rgb = frame.read()
        asked = self.asker.ask(self.prompts["questions"], {"count": str(self.questions)}, [rgb], Questions)
        dropped: list[Dropped] = []
        repeated = set(repeated_questions(asked.value.questions))
        questions = []
        for place, question in enumerate(asked.value.questions):
            if place in repeated:
                dropped.append(Dropped(question.question, "questions", "repeated"))
            else:
                questions.append(question)
        texts = [question.question for question in questions]
        located = self.asker.ask(
            self.prompts["boxes"],
            {"questions": _numbered(texts)},
            [rgb],
            Targets,
            lambda reply: reply.problem(len(texts)),
        )
        calls = {"questions": asked.calls[-1], "boxes": located.calls[-1]}
        records: list[dict[str, Any]] = []
        for target in located.value.targets:
            boxes = np.array(target.boxes, np.float64).reshape(-1, 4) / SCALE
            boxes *= np.tile(rgb.shape[1::-1], 2)
            found = self.masks(rgb, boxes, [target.noun] * len(boxes))
            group = [questions[number] for number in target.questions]
            keep, left = self._usable(target, group, found, boxes)
            dropped += left
            if keep:
                records += self._checked(rgb, target, keep, found, calls, dropped)
        return Outcome(frame.name, "done", tuple(records), tuple(dropped))

    def _usable(
        self, target: Target, group: list[Question], masks: NDArray[np.bool_], boxes: NDArray[np.float64]
    ) -> tuple[list[Question], list[Dropped]]:
        """Questions about a target whose masks and count are right, and the others."""
        problems = [mask_problem(mask, box, self.filters) for mask, box in zip(masks, boxes, strict=True)]
        problem = next((each for each in problems if each), "")
        if not problem and repeated_masks(masks, self.filters):
            problem = "the same object twice"
        keep, left = [], []
        for question in group:
            reason = problem or count_problem(question, len(boxes))
            if reason:
                detail = f"{len(boxes)} boxes, ground {question.ground}"
                left.append(Dropped(question.question, "filter", reason, detail))
            else:
                keep.append(question)
        return keep, left

    def _checked(
        self,
        rgb: Image,
        target: Target,
        questions: list[Question],
        masks: NDArray[np.bool_],
        calls: dict[str, str],
        dropped: list[Dropped],
    ) -> list[dict[str, Any]]:
        """Records of the questions that pass the second look; adds the others to ``dropped``."""
        accepted = questions
        if self.filters.second_look:
            count = f"{len(masks)} objects" if len(masks) else "nothing"
            answer = self.asker.ask(
                self.prompts["check"],
                {"questions": _numbered([q.question for q in questions]), "count": count},
                [rgb, numbered_overlay(rgb, masks)],
                Verdicts,
                lambda reply: reply.problem(len(questions)),
            )
            calls = {**calls, "check": answer.calls[-1]}
            verdicts = {verdict.question: verdict for verdict in answer.value.verdicts}
            accepted = []
            for place, question in enumerate(questions):
                if verdicts[place].accept:
                    accepted.append(question)
                else:
                    dropped.append(
                        Dropped(question.question, "check", "rejected", verdicts[place].reason[:200])
                    )
        rles = [json_rle(rle) for rle in encode_masks(masks)] if len(masks) else []
        return [
            {
                "question": question.model_dump(),
                "object_id": target.object_id,
                "masks": rles,
                "provenance": {"calls": calls, "boxes": target.boxes, "noun": target.noun},
            }
            for question in accepted
        ]


def _numbered(texts: Sequence[str]) -> str:
    return "\n".join(f"{number}: {text}" for number, text in enumerate(texts))
