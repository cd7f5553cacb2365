"""Images with their instructions at the levels of SAM3-I, as batches of its objective."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.models.common.boxes import mask_boxes
from instructsam_ros.models.sam3.tokenizer import ClipTokenizer
from instructsam_ros.models.sam3i.router import RouteName, Router
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.mixture import Mixture, read_all
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.objectives.sam3i.set_loss import PromptTruth

LEVELS_OF_STAGE: dict[int, tuple[RouteName, ...]] = {
    0: ("concept",),
    1: ("simple",),
    2: ("complex",),
    3: ("simple", "complex"),
}


@dataclass(frozen=True)
class Case:
    """Targets of an image and the texts that mean them, by level. concept: the noun phrase."""

    name: str
    read: Callable[[], NDArray[np.uint8]]
    masks: Callable[[], NDArray[np.bool_]]
    texts: dict[RouteName, tuple[str, ...]]
    concept: str


@dataclass(frozen=True)
class InstructionBatch:
    """B images: pixels float32 [B, 3, h, w]. ids: token ids int64 [B, 32] by level, and of the concepts.
    concepts: as texts, in small letters. records: names, for messages. skipped: lines on cases that could not
    be read, whose places others took. seed: of dropout.
    """

    pixels: Tensor
    ids: dict[RouteName, Tensor]
    truths: tuple[PromptTruth, ...]
    concepts: tuple[str, ...]
    seed: int
    records: tuple[str, ...]
    skipped: tuple[str, ...]

    def to(self, device: torch.device) -> InstructionBatch:
        """A copy with every tensor on ``device``."""
        return replace(
            self,
            pixels=self.pixels.to(device),
            ids={level: ids.to(device) for level, ids in self.ids.items()},
            truths=tuple(truth.to(device) for truth in self.truths),
        )


def read_cases(sets: Iterable[DataSet], stage: int, seed: int) -> Mixture[Case]:
    """Read the cases that have a text at every level of the stage. Raises ConfigError if there are none."""
    router = Router.shipped()
    read = [(group_cases(read_all(each, BrokenRecords()), stage, router), each.weight) for each in sets]
    if not any(cases for cases, _ in read):
        levels = " and ".join(LEVELS_OF_STAGE[stage])
        raise ConfigError(f"data.sets: no target has {levels} instructions, which stage {stage} needs")
    return Mixture(read, seed)


def group_cases(samples: Iterable[Sample], stage: int, router: Router) -> list[Case]:
    """Group samples that mean the same, as ``Sample.meaning`` tells.

    The level of a sample is that of its data set, or else the router's. Samples with boxes for masks and
    without phrases are left out.
    """
    groups: dict[tuple[object, ...], list[tuple[RouteName, Sample]]] = {}
    for sample in samples:
        if sample.phrases and not sample.boxes_only:
            label = sample.labels.get("level")
            level = next((n for n in ("concept", "simple", "complex") if n == label), None)
            groups.setdefault(_meaning(sample), []).append(
                (level or router(sample.instruction).route, sample)
            )
    cases = []
    for members in groups.values():
        texts: dict[RouteName, tuple[str, ...]] = {}
        for level, sample in members:
            texts[level] = (*texts.get(level, ()), sample.instruction)
        first = members[0][1]
        concept = texts.get("concept", (first.phrases[0].text,))[0]
        if all(level in texts for level in LEVELS_OF_STAGE[stage]):
            name = f"{first.source} {first.record or first.image}".strip()
            cases.append(Case(name, first.read, first.masks, texts, concept.lower()))
    return cases


class InstructionBatches(Dataset[InstructionBatch]):
    """Index = training step, times the number of processes that share each step; a pure function of (seed,
    index). A case that cannot be read is reported, and the next one takes its place; too many raise
    InvalidInputError, see BrokenRecords.
    """

    def __init__(
        self,
        cases: Mixture[Case],
        tokenizer: ClipTokenizer,
        prepare: Callable[[NDArray[np.uint8]], Tensor],
        stage: int,
        size: int,
        seed: int,
    ) -> None:
        """prepare: see ``Sam3.prepare``. size: images of a batch."""
        self.cases, self.tokenizer, self.prepare, self.size, self.seed = cases, tokenizer, prepare, size, seed
        self.levels = LEVELS_OF_STAGE[stage]
        self.broken = BrokenRecords()

    def __getitem__(self, index: int) -> InstructionBatch:
        rng = np.random.default_rng((self.seed, index))
        skipped: list[str] = []
        rows = [self._row(index * self.size + place, skipped) for place in range(self.size)]
        cases, pixels, truths = zip(*rows, strict=True)
        ids = {level: self.tokenizer(_drawn(cases, level, rng)) for level in self.levels}
        ids["concept"] = self.tokenizer([case.concept for case in cases])
        return InstructionBatch(
            torch.cat(pixels),
            ids,
            truths,
            tuple(case.concept for case in cases),
            int(rng.integers(1 << 31)),
            tuple(case.name for case in cases),
            tuple(skipped),
        )

    def _row(self, position: int, skipped: list[str]) -> tuple[Case, Tensor, PromptTruth]:
        while True:
            case = self.cases[position]
            try:
                pixels = self.prepare(case.read())
                row = case, pixels, _truth(case, (pixels.shape[-2], pixels.shape[-1]))
            except InvalidInputError as error:
                skipped.append(f"{case.name}: {error}")
                self.broken.add(case.name, case.name, error)
                position += 1
            else:
                self.broken.usable += 1
                return row


def _truth(case: Case, size: tuple[int, int]) -> PromptTruth:
    """Read the targets at the height and width of the input."""
    masks = torch.from_numpy(case.masks())
    masks = masks[masks.flatten(1).any(1)]
    if not len(masks):
        return PromptTruth(torch.zeros(0, 4), torch.zeros(0, *size, dtype=torch.bool))
    resized = F.interpolate(masks[None].float(), size, mode="nearest")[0] > 0
    return PromptTruth(mask_boxes(masks).float(), resized)


def _meaning(sample: Sample) -> tuple[str, ...]:
    """What samples with the same targets share."""
    if sample.meaning:
        return sample.source, sample.image, "meaning", sample.meaning
    return sample.source, sample.image, "text", sample.instruction


def _drawn(cases: Sequence[Case], level: RouteName, rng: np.random.Generator) -> list[str]:
    return [case.texts[level][int(rng.integers(len(case.texts[level])))] for case in cases]
