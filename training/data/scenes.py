"""Training batches from rendered scenes.

A batch is a pure function of (seed, step): views, mirroring, colour jitter and freshly written
instructions all come from a generator seeded with that pair. A resumed run therefore sees exactly
the batches that the interrupted one would have seen, with no sampler state to store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidConfig
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import (
    Instruction,
    absent_anchor_negative,
    filler_words,
    flip,
    instructions,
)
from instructsam_ros.training.collate import TokenRows, encode_rows
from instructsam_ros.training.data.random_resized_crop import random_frame
from instructsam_ros.training.data.transforms import jitter, repaint_background
from instructsam_ros.training.objectives.mentions import Mentions, Named, locate_mentions
from instructsam_ros.yaml_config import check_range

MASK_STRIDE = 2
"""Ground truth is compared with mask logits at half the image resolution."""

MIN_SHARE = 24 / (192 * 144)
"""Instances that cover less of the view (24 mask pixels at 384x288) are not supervised; instructions are
about larger ones.
"""

PRACTICE = {
    "concept": 0.5, "between": 8.0, "except_color": 6.0, "host": 3.0, "host_on": 8.0, "nonfood": 3.0,
    "aff_size": 5.0, "aff_not": 3.0, "sup_near": 3.0, "union": 4.0, "rel": 5.0, "rel_count": 40.0,
    "aff_color": 3.0, "aff_rel": 5.0, "food": 4.0, "near": 8.0, "except_one": 70.0, "except_rel": 8.0,
    "rel_all": 16.0, "same": 12.0, "topk_side": 3.0, "not_color": 4.0, "not_rel": 4.0, "beside": 6.0,
    "beside_all": 16.0, "host_with": 6.0,
}  # fmt: skip
"""How much more often kinds are drawn that few pictures allow, or that need most practice; and how much less
often those that are learned.
"""

UNHEARD = 4.0
"""How much more often instructions are drawn that name what is there and still have no answer ("the mug left
of the bowl", and it stands on the right). Where they are rare, the noun alone decides, and the rest goes
unheard.
"""

WRITTEN = 5
"""How many times as many instructions are written about a view as are drawn; with fewer, those that come up
often would be drawn whatever their weight.
"""

MAX_REDRAWS = 100
"""How many views in a row may have no instruction."""

OCCLUDER_ID = 200
"""Ids from here on are hands and grippers, which no instruction names."""


@dataclass(frozen=True)
class SceneBatch:
    """B images with K instructions each, all of one size.

    images: uint8 [B, 3, H, W]. id_maps: int64 [B, H/2, W/2], 0 is background. seed: for random
    choices that losses make. Instances of all
    images are concatenated: image_of [M], id_of [M], category_of [M], color_of [M] (int64).
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


@dataclass(frozen=True)
class SceneDataSettings:
    """Where the views lie and how a batch is drawn.

    roots: folders written by ``instructsam scenes render``. images, instructions: B and K.
    mirror: probability of a mirrored view. jitter: strength of photometric changes, 0..1.
    repaint: probability of a random pattern in place of the background. reframe: probability of
    another magnification of the view. sizes: widths and heights, multiples of 32; every batch takes one
    of these or the views' own, each as likely, so that one model serves several input sizes.
    unknown_words: share of idle words ("please") replaced by <unk>. missing_places: how many of the
    instructions that relate what they ask for to something come a second time, related to what is not in
    the picture, so that nothing but the place tells the two apart. curriculum_steps: over the first
    steps, instructions with relations and reasoning come in gradually.
    """

    roots: tuple[str, ...]
    images: int = 8
    instructions: int = 6
    mirror: float = 0.5
    jitter: float = 0.5
    repaint: float = 0.0
    reframe: float = 0.0
    sizes: tuple[tuple[int, int], ...] = ()
    unknown_words: float = 0.1
    missing_places: float = 0.5
    curriculum_steps: int = 200

    def __post_init__(self) -> None:
        if not self.roots:
            raise ValueError("roots is empty; name at least one folder of rendered views")
        check_range(self, 1, math.inf, "images", "instructions")
        check_range(self, 0, 1, "mirror", "jitter", "repaint", "reframe", "unknown_words", "missing_places")
        check_range(self, 0, math.inf, "curriculum_steps")
        for width, height in self.sizes:
            PyramidConfig(height, width)  # raises ValueError for what the encoder cannot take


class SceneBatches(Dataset[SceneBatch]):
    """Index = training step, times the number of ``processes`` that share each step.

    Raises InvalidInputError for roots without views or with views of another size than image_size (width,
    height in pixels), and where batches are made of views that cannot be used.
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
    ) -> None:
        self.settings, self.tokenizer, self.num_queries, self.seed = settings, tokenizer, num_queries, seed
        self.processes = processes
        self.paths = []
        for root in settings.roots:
            paths = view_paths(root)
            height, width = load_view(paths[0], depth=False).ids.shape
            if image_size and image_size != (width, height):
                wide, high = image_size
                raise InvalidInputError(
                    f"the views in {root} are {width}x{height}, the model takes {wide}x{high}; render them "
                    f"with --width {wide} --height {high}"
                )
            self.paths += paths
        vocabulary = tokenizer.get_vocab()
        self.idle = frozenset(vocabulary[word] for word in filler_words() if word in vocabulary)
        self.category_index = {name: index for index, name in enumerate(categories)}
        self.color_index = {name: index for index, name in enumerate(colors)}

    def __getitem__(self, step: int) -> SceneBatch:
        rng = np.random.default_rng((self.seed, step))
        samples = [self._sample(path, step, rng) for path in self._choose(step)]
        return self._collate(samples, rng)

    def _choose(self, step: int) -> list[Path]:
        """Every epoch visits all views once, in an order drawn from (seed, epoch)."""
        count, size = self.settings.images, len(self.paths)
        chosen = []
        for position in range(step * count, (step + 1) * count):
            epoch, index = divmod(position, size)
            chosen.append(self.paths[self._order(epoch)[index]])
        return chosen

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self.seed, 1 << 20, epoch)).permutation(len(self.paths))

    def _sample(
        self, path: Path, step: int, rng: np.random.Generator
    ) -> tuple[View, list[Instruction], bool]:
        view, found = self._told(path, rng)
        progress = min(1.0, step // self.processes / max(self.settings.curriculum_steps, 1))
        weights = np.array([_weight(item, progress) for item in found])
        count = self.settings.instructions
        picked = rng.choice(len(found), count, replace=len(found) < count, p=weights / weights.sum())
        mirrored = bool(rng.random() < self.settings.mirror)
        return view, self._with_missing_places([found[i] for i in picked], view, rng), mirrored

    def _with_missing_places(
        self, picked: list[Instruction], view: View, rng: np.random.Generator
    ) -> list[Instruction]:
        """As many instructions; some of the last make room for earlier ones about a place that is missing."""
        said: list[Instruction | None] = []
        for item in picked:
            said.append(item)
            if rng.random() < self.settings.missing_places:
                said.append(absent_anchor_negative(item, view.meta, rng))
        return [item for item in said if item is not None][: len(picked)]

    def _told(self, path: Path, rng: np.random.Generator) -> tuple[View, list[Instruction]]:
        """A view with what can be said about it; another view in place of one about which nothing can be."""
        for _ in range(MAX_REDRAWS):
            view = load_view(path, depth=False)
            if rng.random() < self.settings.reframe:
                view = random_frame(view, rng)
            told = instructions(view.meta, rng, WRITTEN * self.settings.instructions, split="train")
            # Missing places come from _with_missing_places alone: in no kind are they more than the others.
            found = [item for item in told if not item.anchor_is_absent]
            if found:
                return view, found
            path = self.paths[rng.integers(len(self.paths))]
        raise InvalidInputError(
            f"nothing can be said about {MAX_REDRAWS} views drawn from {', '.join(self.settings.roots)}; "
            "they may be empty scenes"
        )

    def _collate(
        self, samples: list[tuple[View, list[Instruction], bool]], rng: np.random.Generator
    ) -> SceneBatch:
        images, id_maps, row_items, targets, named = [], [], [], [], []
        nouns: list[list[Named]] = []
        table: list[tuple[int, dict[str, Any]]] = []
        height, width = samples[0][0].ids.shape
        sizes = [(width, height), *self.settings.sizes]
        size = sizes[int(rng.integers(len(sizes)))]
        if any(view.ids.shape != (height, width) for view, _, _ in samples):
            raise InvalidInputError(f"some views are {width}x{height} and others are not; render all alike")
        for index, (view, items, mirrored) in enumerate(samples):
            rgb, ids = view.rgb, view.ids
            if mirrored:
                rgb, ids = rgb[:, ::-1], ids[:, ::-1]
            small = sampled(ids, size[1] // MASK_STRIDE, size[0] // MASK_STRIDE).astype(np.int64)
            small[small >= OCCLUDER_ID] = 0
            pixels = np.bincount(small.ravel())
            visible = {i for i, n in enumerate(pixels) if i and n >= MIN_SHARE * small.size}
            first = len(table)
            kept = [o for o in view.meta["objects"] if o["id"] in visible]
            table += [(index, o) for o in kept]
            where = {o["id"]: first + k for k, o in enumerate(kept)}
            if rng.random() < self.settings.repaint:
                rgb = repaint_background(rgb, ids, rng)
            rgb = jitter(rgb, rng, self.settings.jitter)
            images.append(rgb if size == sizes[0] else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
            id_maps.append(small)
            for item in items:
                row_items.append((flip(item.text) if mirrored else item.text, item.phrase))
                targets.append(tuple(where[i] for i in item.targets if i in where))
                named.append(tuple(where[i] for i in item.phrase_ids if i in where))
                nouns.append(
                    [
                        (flip(m.text) if mirrored else m.text, tuple(where[i] for i in m.ids if i in where))
                        for m in item.mentions
                        if not m.ids or any(i in where for i in m.ids)
                    ]
                )
        texts, phrases = zip(*row_items, strict=True)
        rows = encode_rows(
            self.tokenizer, texts, phrases, self.num_queries, rng, self.idle, self.settings.unknown_words
        )
        return SceneBatch(
            images=torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))),
            id_maps=torch.from_numpy(np.stack(id_maps)),
            seed=int(rng.integers(2**31)),
            image_of=_indices(i for i, _ in table),
            id_of=_indices(o["id"] for _, o in table),
            category_of=_indices(_class(self.category_index, o, "category") for _, o in table),
            color_of=_indices(_class(self.color_index, o, "color") for _, o in table),
            rows=rows,
            mentions=locate_mentions(self.tokenizer, texts, nouns),
            targets=tuple(targets),
            named=tuple(named),
            missing=torch.tensor([item.has_absent_referent for _, items, _ in samples for item in items]),
        )


def _indices(values: Iterable[int]) -> Tensor:
    return torch.tensor(list(values), dtype=torch.int64)


def _class(known: dict[str, int], entry: dict[str, Any], kind: str) -> int:
    if entry[kind] not in known:
        raise InvalidInputError(
            f"an object has the {kind} {entry[kind]!r}; training knows {', '.join(sorted(known))}"
        )
    return known[entry[kind]]


def sampled(ids: NDArray[np.integer], height: int, width: int) -> NDArray[np.integer]:
    """The id at the middle of every pixel of a coarser picture, [height, width] of [H, W]."""
    rows, columns = (
        ((np.arange(size) + 0.5) * full / size).astype(int)
        for size, full in zip((height, width), ids.shape, strict=True)
    )
    return ids[np.ix_(rows, columns)]


def _weight(item: Instruction, progress: float) -> float:
    """Sampling weight: naming first, relations and reasoning as training progresses."""
    easy = item.level == "concept" or item.kind in ("attr", "color_all", "count", "union")
    weight = 1.0 if easy else 0.15 + 0.85 * progress
    weight *= PRACTICE.get(item.kind, 1.0)
    if item.phrase_ids and not item.targets:
        weight *= UNHEARD
    return weight
