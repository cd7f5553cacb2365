"""Batches of the compact objective: images with several instructions each.

A batch is a pure function of (seed, step): views, mirroring, colour jitter and freshly written instructions
all come from a generator seeded with that pair. A resumed run therefore sees exactly the batches that the
interrupted one would have seen, with no sampler state to store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.instructions import filler_words
from instructsam_ros.training.collate import IGNORE, TokenRows, encode_rows
from instructsam_ros.training.data.annotated_images import AnnotatedImages
from instructsam_ros.training.data.photographs import PictureSettings
from instructsam_ros.training.data.sample import Grounding, LabelledObject, Sample
from instructsam_ros.training.data.scenes import SceneDataSettings, TrainingScenes
from instructsam_ros.training.data.transforms import jitter, repaint_background
from instructsam_ros.training.objectives.mentions import Mentions, Named, locate_mentions

MASK_STRIDE = 2
"""Ground truth is compared with mask logits at half the image resolution."""

MIN_SHARE = 24 / (192 * 144)
"""Instances that cover less of the image (24 mask pixels at 384x288) are not supervised; instructions are
about larger ones.
"""

OCCLUDER_ID = 200
"""Ids from here on are hands and grippers, which no instruction names."""


@dataclass(frozen=True)
class SceneBatch:
    """B images with K instructions each, all of one size.

    images: uint8 [B, 3, H, W]. id_maps: int64 [B, H/2, W/2], 0 is background. seed: for random
    choices that losses make. Instances of all
    images are concatenated: image_of [M], id_of [M], category_of [M], color_of [M] (int64),
    IGNORE where it is not known; box_only [M] (bool), whether only its box is known, whose inner ellipse is
    then its pixels. complete: bool [B], whether all that is no instance is background.
    rows: tokens of the R = B*K instructions. mentions: nouns in them. targets, named: per row, indices
    into the M instances that answer the instruction, and that its phrase names. missing: bool [R],
    whether the instruction names something that is not in the picture.
    """

    images: Tensor
    id_maps: Tensor
    seed: int
    image_of: Tensor
    id_of: Tensor
    category_of: Tensor
    color_of: Tensor
    box_only: Tensor
    complete: Tensor
    rows: TokenRows
    mentions: Mentions
    targets: tuple[tuple[int, ...], ...]
    named: tuple[tuple[int, ...], ...]
    missing: Tensor

    def to(self, device: torch.device) -> SceneBatch:
        """A copy with every tensor on ``device``."""
        moved = {
            k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor | TokenRows | Mentions)
        }
        return SceneBatch(**(vars(self) | moved))


class SceneBatches(Dataset[SceneBatch]):
    """Index = training step, times the number of ``processes`` that share each step.

    Raises InvalidInputError as TrainingScenes does, and where views of one batch differ in size.
    """

    def __init__(
        self,
        settings: SceneDataSettings,
        tokenizer: Tokenizer,
        categories: Sequence[str],
        colors: Sequence[str],
        num_queries: int,
        seed: int,
        processes: int = 1,
        image_size: tuple[int, int] | None = None,
        seg_tokens: bool = False,
    ) -> None:
        """seg_tokens: whether answers have a [SEG] per instance instead of a block of queries."""
        self.seg_tokens = seg_tokens
        self.settings, self.tokenizer, self.num_queries, self.seed = settings, tokenizer, num_queries, seed
        self.processes = processes
        self.annotated = settings.annotated_images()
        self.images = None
        if self.annotated and image_size:
            changes = (settings.instructions, settings.mirror, settings.reframe, settings.paste)
            pictures = PictureSettings(image_size, *changes)
            self.images = AnnotatedImages(settings.data_sets(), pictures, seed)
        cutouts = self.images.cutouts if self.images else None
        self.scenes = TrainingScenes(settings, seed, image_size, cutouts) if settings.roots else None
        vocabulary = tokenizer.get_vocab()
        self.filler = frozenset(vocabulary[word] for word in filler_words() if word in vocabulary)
        self.category_index = {name: index for index, name in enumerate(categories)}
        self.color_index = {name: index for index, name in enumerate(colors)}

    def __getitem__(self, step: int) -> SceneBatch:
        rng = np.random.default_rng((self.seed, step))
        progress = min(1.0, step // self.processes / max(self.settings.curriculum_steps, 1))
        rendered = self.settings.images - self.annotated
        views = self.scenes.draw(step * rendered, rendered, progress, rng) if self.scenes else []
        if self.images:
            views += self.images.draw(step * self.annotated, self.annotated, rng)
        return self._collate(views, rng)

    def _collate(self, views: list[list[Sample]], rng: np.random.Generator) -> SceneBatch:
        """views: samples of every image; those of one share image, id map and objects."""
        images, id_maps, texts, phrases, targets, named, absent = [], [], [], [], [], [], []
        nouns: list[list[Named]] = []
        table: list[tuple[int, LabelledObject]] = []
        height, width = _grounding(views[0][0]).id_map.shape
        sizes = [(width, height), *self.settings.sizes]
        size = sizes[int(rng.integers(len(sizes)))]
        if any(_grounding(samples[0]).id_map.shape != (height, width) for samples in views):
            raise InvalidInputError(f"some views are {width}x{height} and others are not; render all alike")
        for index, samples in enumerate(views):
            rgb, grounding = samples[0].read(), _grounding(samples[0])
            small = sampled(grounding.id_map, size[1] // MASK_STRIDE, size[0] // MASK_STRIDE).astype(np.int64)
            small[small >= OCCLUDER_ID] = 0
            pixels = np.bincount(small.ravel())
            visible = {i for i, n in enumerate(pixels) if i and n >= MIN_SHARE * small.size}
            first = len(table)
            kept = [labelled for labelled in grounding.objects if labelled.id in visible]
            table += [(index, labelled) for labelled in kept]
            row_of = {labelled.id: first + k for k, labelled in enumerate(kept)}
            if rng.random() < self.settings.repaint and grounding.is_complete:
                rgb = repaint_background(rgb, grounding.id_map, rng)
            rgb = jitter(rgb, rng, self.settings.jitter)
            images.append(rgb if size == sizes[0] else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
            id_maps.append(small)
            for sample in samples:
                about = _grounding(sample)
                texts.append(sample.instruction)
                phrases.append(sample.phrases[0].text)
                targets.append(_rows(about.targets, row_of))
                named.append(_rows(about.phrase_ids, row_of))
                absent.append(about.has_absent_referent)
                nouns.append(
                    [
                        (text, _rows(ids, row_of))
                        for text, ids in about.mentions
                        if not ids or any(i in row_of for i in ids)
                    ]
                )
        written = [len(members) for members in targets] if self.seg_tokens else None
        unknown = self.settings.unknown_words
        rows = encode_rows(
            self.tokenizer, texts, phrases, self.num_queries, rng, self.filler, unknown, written
        )
        return SceneBatch(
            images=torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))),
            id_maps=torch.from_numpy(np.stack(id_maps)),
            seed=int(rng.integers(2**31)),
            image_of=_indices(i for i, _ in table),
            id_of=_indices(labelled.id for _, labelled in table),
            category_of=_indices(_class(self.category_index, o.category, "category") for _, o in table),
            color_of=_indices(_class(self.color_index, o.color, "color") for _, o in table),
            box_only=torch.tensor([labelled.is_box for _, labelled in table], dtype=torch.bool),
            complete=torch.tensor([_grounding(samples[0]).is_complete for samples in views]),
            rows=rows,
            mentions=locate_mentions(self.tokenizer, texts, nouns),
            targets=tuple(targets),
            named=tuple(named),
            missing=torch.tensor(absent),
        )


def _grounding(sample: Sample) -> Grounding:
    if sample.grounding is None:
        raise InvalidInputError(f"the compact objective needs labels of all objects; {sample.image} has none")
    return sample.grounding


def _rows(ids: Iterable[int], row_of: dict[int, int]) -> tuple[int, ...]:
    return tuple(row_of[i] for i in ids if i in row_of)


def _indices(values: Iterable[int]) -> Tensor:
    return torch.tensor(list(values), dtype=torch.int64)


def _class(known: dict[str, int], name: str, kind: str) -> int:
    if not name:
        return IGNORE
    if name not in known:
        raise InvalidInputError(
            f"an object has the {kind} {name!r}; training knows {', '.join(sorted(known))}"
        )
    return known[name]


def sampled(ids: NDArray[np.integer], height: int, width: int) -> NDArray[np.integer]:
    """The id at the middle of every pixel of a coarser picture, [height, width] of [H, W]."""
    rows, columns = (
        ((np.arange(size) + 0.5) * full / size).astype(int)
        for size, full in zip((height, width), ids.shape, strict=True)
    )
    return ids[np.ix_(rows, columns)]
