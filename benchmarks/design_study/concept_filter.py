"""The agent's way: prompt with the bare concept, then judge every candidate.

    python -m benchmarks.design_study.concept_filter --model compact

An agent around a concept segmenter asks a language model for a short noun phrase, segments all that
the phrase names, looks at every mask alone and zoomed in, and keeps those that it accepts. Here one
and the same compact model plays all the parts: it writes the phrase, it segments the phrase given as
its instruction, and it judges. It cannot say "accept", so as a judge it answers the instruction once
more on a picture made for the candidate, and accepts if its answer covers the candidate. Judges:

    none    keep all candidates: what concept prompting alone gives
    marked  the whole picture, everything but the candidate dimmed
    zoomed  the picture cropped to the candidate and its surroundings
    oracle  knows which object every candidate lies on, and costs nothing: the upper bound of judging

A judge can also be worse than none, by rejecting what is right. A large multimodal model would judge
better than this one, at most as well as the oracle, and take far more time than all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.command import positive_int, run
from benchmarks.design_study import questions
from benchmarks.design_study.questions import Question
from instructsam_ros.backends.instructsam import EncodedImage, InstructSamSegmenter, load
from instructsam_ros.types import Instance

Judge = Callable[[Question, Instance], bool]
Look = Callable[[Question, Instance], tuple[NDArray[np.uint8], NDArray[np.bool_]]]
"""A picture made for a candidate, uint8 [h, w, 3], and where the candidate is on it, bool [h, w]."""

DIMMED = 0.5
"""Brightness of what is not the candidate."""

SURROUNDINGS = 0.5
"""How much of a candidate's size is shown around it on each side when zoomed in."""

COVERED = 0.5
"""How much of a candidate a judge's answer must cover to accept it."""


def marked(question: Question, candidate: Instance) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Everything else dimmed."""
    rgb = question.view.rgb.copy()
    rgb[~candidate.mask] = (rgb[~candidate.mask] * DIMMED).astype(np.uint8)
    return rgb, candidate.mask


def zoomed(question: Question, candidate: Instance) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The candidate and its surroundings."""
    height, width = candidate.mask.shape
    x0, y0, x1, y1 = (int(v) for v in candidate.box)
    dx, dy = int(SURROUNDINGS * (x1 - x0)) + 8, int(SURROUNDINGS * (y1 - y0)) + 8
    window = slice(max(y0 - dy, 0), min(y1 + dy, height)), slice(max(x0 - dx, 0), min(x1 + dx, width))
    return np.ascontiguousarray(question.view.rgb[window]), candidate.mask[window]


def asks(segmenter: InstructSamSegmenter, look: Look) -> Judge:
    """Accepts what the instruction means on the picture that ``look`` makes."""

    def judge(question: Question, candidate: Instance) -> bool:
        rgb, mask = look(question, candidate)
        answer = segmenter.segment_image(rgb, question.item.text)
        covered = np.zeros(np.count_nonzero(mask), bool)
        for instance in answer.instances:
            covered |= instance.mask[mask]
        return bool(covered.mean() > COVERED)

    return judge


def is_target(question: Question, candidate: Instance) -> bool:
    """The oracle: whether the object that most of the candidate lies on is meant."""
    objects = np.bincount(question.view.ids[candidate.mask], minlength=2)[1:]
    return bool(objects.any()) and int(objects.argmax()) + 1 in question.item.targets


@dataclass(frozen=True)
class Agent:
    """Answers questions with candidates of a concept that ``judge`` accepts."""

    segmenter: InstructSamSegmenter
    judge: Judge

    def __call__(self, question: Question) -> list[Instance]:
        """Instances with the scores that concept prompting gave them."""
        candidates: list[Instance] = []
        for phrase in concepts(self.segmenter, question.features, question.item.text):
            candidates += self.segmenter.segment(question.features, phrase).instances
        return [c for c in candidates if self.judge(question, c)]


@torch.inference_mode()
def concepts(segmenter: InstructSamSegmenter, features: EncodedImage, instruction: str) -> list[str]:
    """The noun phrases of an instruction, as the model writes them."""
    rest = segmenter.prompts.instruction_ids(instruction)
    ids = [*features.prefix.ids, *rest]
    answer = segmenter.model.answer(features.features, ids, prefix=features.prefix)
    return [phrase for phrase in segmenter.prompts.text(answer.ids).split(" , ") if phrase]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="compact")
    parser.add_argument("--heldout", default="runs/scenes/heldout")
    parser.add_argument("--views", type=positive_int, default=100)
    parser.add_argument("--out", default="runs/design-study")
    parser.add_argument("--threads", type=positive_int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    segmenter = load(args.model, "cpu", dtype="float32")
    judges: dict[str, Judge] = {
        "none": lambda *_: True,
        "marked": asks(segmenter, marked),
        "zoomed": asks(segmenter, zoomed),
        "oracle": is_target,
    }
    answers: dict[str, questions.Answer] = {
        f"concept-{name}": Agent(segmenter, j) for name, j in judges.items()
    }
    answers["instruction"] = lambda question: (
        segmenter.segment(question.features, question.item.text).instances
    )
    about = {"model": args.model, "threads": args.threads}
    for name, answered in questions.ask_in_turn(segmenter, answers, args.heldout, args.views, 6).items():
        questions.save(Path(args.out) / name / "answers.json", answered, about)


if __name__ == "__main__":
    run(main)
