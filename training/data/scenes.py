"""Training samples from rendered views, with freshly written instructions at every visit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.assets.catalogue import MIXED
from instructsam_ros.scenes.assets.nouns import noun_of
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, absent_anchor_negative, flip, instructions
from instructsam_ros.training.data.labelled_pictures import PictureLabel
from instructsam_ros.training.data.noun_instructions import absent_noun
from instructsam_ros.training.data.pasted_views import UNCLEAR_KINDS, about_pasted, paste_on_view
from instructsam_ros.training.data.photographs import MOST_PASTED, Cutouts, masks_of
from instructsam_ros.training.data.random_resized_crop import random_frame
from instructsam_ros.training.data.registry import DataSet, parse_data_sets
from instructsam_ros.training.data.sample import Grounding, LabelledObject, Phrase, Sample
from instructsam_ros.yaml_config import check_range

KIND_WEIGHTS = {
    "concept": 0.5, "between": 8.0, "except_color": 6.0, "host": 3.0, "host_on": 8.0, "nonfood": 3.0,
    "aff_size": 5.0, "aff_not": 3.0, "sup_near": 3.0, "union": 4.0, "rel": 5.0, "rel_count": 40.0,
    "aff_color": 3.0, "aff_rel": 5.0, "food": 4.0, "near": 8.0, "except_one": 70.0, "except_rel": 8.0,
    "rel_all": 16.0, "same": 12.0, "topk_side": 3.0, "not_color": 4.0, "not_rel": 4.0, "beside": 6.0,
    "beside_all": 16.0, "host_with": 6.0,
}  # fmt: skip
"""Sampling weights of kinds: high for those that few views allow or that are learned slowly, low for those
that are learned early.
"""

HARD_NEGATIVE_WEIGHT = 4.0
"""Sampling weight of instructions whose noun has a referent and that have no target all the same ("the mug
left of the bowl" where it is on the right). Where they are rare, the noun alone comes to decide.
"""

OVERSAMPLING = 5
"""How many instructions are generated for each that is drawn; with fewer, common ones would be drawn whatever
their weight.
"""

MAX_REDRAWS = 100
"""How many views in a row may have no instruction."""


@dataclass(frozen=True)
class SceneDataSettings:
    """Rendered views, annotated images or both, and how a batch is drawn.

    roots: folders written by ``instructsam scenes render``. sets: data sets of annotated images, see
    data/registry.py. share: of the images of a batch that come from ``sets``, where there are ``roots`` too.
    images, instructions: images of a batch, and instructions about each. mirror: probability of a mirrored
    image. jitter: strength of photometric changes, 0..1. repaint: probability of a random pattern in place
    of the background of a view. reframe: probability of another magnification of a view or photograph.
    paste: probability of objects of photographs in a view or another photograph; they come from the ``sets``
    that have labels. sizes: widths and heights, multiples of 32; every batch takes one of these or the
    model's own, each as likely, so that one model serves several input sizes. unknown_words: share of filler
    words ("please") replaced by <unk>. missing_places: share of the instructions with an anchor that come a
    second time with an absent anchor, so that nothing but the anchor tells the two apart. curriculum_steps:
    over the first steps, instructions with relations and reasoning come in gradually. absent: nouns of
    ``sets`` that no view of ``roots`` shows; one instruction about each view names one of them, so that the
    model learns when not to find it.
    """

    roots: tuple[str, ...] = ()
    images: int = 8
    instructions: int = 6
    mirror: float = 0.5
    jitter: float = 0.5
    repaint: float = 0.0
    reframe: float = 0.0
    paste: float = 0.0
    sizes: tuple[tuple[int, int], ...] = ()
    unknown_words: float = 0.1
    missing_places: float = 0.5
    curriculum_steps: int = 200
    sets: tuple[dict[str, Any], ...] = ()
    share: float = 0.5
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.roots and not self.sets:
            raise ValueError("roots and sets are empty; name a folder of rendered views or a data set")
        self.data_sets()
        check_range(self, 1, math.inf, "images", "instructions")
        check_range(self, 0, 1, "mirror", "jitter", "repaint", "reframe", "paste")
        check_range(self, 0, 1, "unknown_words", "missing_places", "share")
        check_range(self, 0, math.inf, "curriculum_steps")

    def data_sets(self) -> list[DataSet]:
        """The sets, none for rendered views alone. Raises ConfigError for one that cannot be."""
        return parse_data_sets(self.sets, "data.sets") if self.sets else []

    def annotated_images(self) -> int:
        """How many images of a batch come from ``sets``."""
        if not self.sets:
            return 0
        return max(1, round(self.images * self.share)) if self.roots else self.images


class TrainingScenes:
    """Draws rendered views, and ``settings.instructions`` about each.

    Raises InvalidInputError for roots without views or with views of another size than image_size (width,
    height in pixels), and where no instruction fits the views that are drawn.
    """

    def __init__(
        self,
        settings: SceneDataSettings,
        seed: int,
        image_size: tuple[int, int] | None = None,
        cutouts: Cutouts | None = None,
    ) -> None:
        """cutouts: draws objects of photographs, which are pasted into views."""
        self.settings, self.seed, self.cutouts = settings, seed, cutouts
        self.paths: list[Path] = []
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

    def draw(self, first: int, count: int, progress: float, rng: np.random.Generator) -> list[list[Sample]]:
        """Return samples of ``count`` views, from position ``first`` of the endless order on.

        progress: of the curriculum, 0..1.
        """
        return [self._samples(path, progress, rng) for path in self._choose(first, count)]

    def _choose(self, first: int, count: int) -> list[Path]:
        """Every epoch visits all views once, in an order drawn from (seed, epoch)."""
        size = len(self.paths)
        chosen = []
        for position in range(first, first + count):
            epoch, place = divmod(position, size)
            chosen.append(self.paths[self._order(epoch)[place]])
        return chosen

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self.seed, 1 << 20, epoch)).permutation(len(self.paths))

    def _samples(self, path: Path, progress: float, rng: np.random.Generator) -> list[Sample]:
        view, found = self._generate(path, rng)
        weights = np.array([sampling_weight(item, progress) for item in found])
        count = self.settings.instructions
        picked = rng.choice(len(found), count, replace=len(found) < count, p=weights / weights.sum())
        mirrored = bool(rng.random() < self.settings.mirror)
        drawn = self._with_absent_anchors([found[i] for i in picked], view, rng)
        rgb, ids = (view.rgb[:, ::-1], view.ids[:, ::-1]) if mirrored else (view.rgb, view.ids)
        samples = [_sample(path, rgb, ids, view, item, mirrored) for item in drawn]
        if self.settings.absent:
            samples[-1] = _absent(samples[-1], str(rng.choice(self.settings.absent)), rng)
        return samples

    def _with_absent_anchors(
        self, picked: list[Instruction], view: View, rng: np.random.Generator
    ) -> list[Instruction]:
        """As many instructions; some of the last make room for earlier ones with an absent anchor."""
        drawn: list[Instruction | None] = []
        for item in picked:
            drawn.append(item)
            if rng.random() < self.settings.missing_places:
                drawn.append(absent_anchor_negative(item, view.meta, rng))
        return [item for item in drawn if item is not None][: len(picked)]

    def _generate(self, path: Path, rng: np.random.Generator) -> tuple[View, list[Instruction]]:
        """A view and instructions about it; another view in place of one that has none."""
        for _ in range(MAX_REDRAWS):
            view = load_view(path, depth=False)
            if rng.random() < self.settings.reframe:
                view = random_frame(view, rng)
            pasted: tuple[PictureLabel, ...] = ()
            if self.cutouts and rng.random() < self.settings.paste:
                objects = self.cutouts(int(rng.integers(1, MOST_PASTED + 1)), rng)
                view, pasted = paste_on_view(view, objects, rng)
            generated = instructions(view.meta, rng, OVERSAMPLING * self.settings.instructions, split="train")
            # Absent anchors come from _with_absent_anchors alone: in no kind are they more than the others.
            found = [item for item in generated if not item.anchor_is_absent]
            if pasted:
                found = [item for item in found if item.kind not in UNCLEAR_KINDS]
                found += about_pasted(view, pasted, rng)
            if found:
                return view, found
            path = self.paths[rng.integers(len(self.paths))]
        raise InvalidInputError(
            f"no instruction fits {MAX_REDRAWS} views drawn from {', '.join(self.settings.roots)}; "
            "they may be empty scenes"
        )


def sampling_weight(item: Instruction, progress: float) -> float:
    """Return the sampling weight: naming first, relations and reasoning as training progresses."""
    easy = item.level == "concept" or item.kind in ("attr", "color_all", "count", "union")
    weight = 1.0 if easy else 0.15 + 0.85 * progress
    weight *= KIND_WEIGHTS.get(item.kind, 1.0)
    if item.phrase_ids and not item.targets:
        weight *= HARD_NEGATIVE_WEIGHT
    return weight


def _absent(sample: Sample, noun: str, rng: np.random.Generator) -> Sample:
    """The same view with an instruction that names a noun that it does not show."""
    item = absent_noun(noun, rng)
    return replace(
        sample,
        instruction=item.text,
        phrases=(Phrase(item.phrase, partial(masks_of, np.zeros_like(sample.read()[..., 0]), ())),),
        labels={"level": item.level, "cardinality": item.cardinality, "kind": item.kind},
        grounding=sample.grounding
        and replace(
            sample.grounding,
            targets=(),
            phrase_ids=(),
            mentions=((item.phrase, ()),) if item.phrase in item.text else (),
            has_absent_referent=True,
        ),
    )


def _sample(
    path: Path,
    rgb: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    view: View,
    item: Instruction,
    mirrored: bool,
) -> Sample:
    def text(words: str) -> str:
        return flip(words) if mirrored else words

    return Sample(
        image=str(path),
        read=lambda: rgb,
        instruction=text(item.text),
        phrases=(Phrase(item.phrase, partial(masks_of, ids, item.targets)),),
        source="scenes",
        labels={"level": item.level, "cardinality": item.cardinality, "kind": item.kind},
        grounding=Grounding(
            id_map=ids,
            objects=tuple(_labelled(entry) for entry in view.meta["objects"]),
            targets=item.targets,
            phrase_ids=item.phrase_ids,
            mentions=tuple((text(mention.text), mention.ids) for mention in item.mentions),
            has_absent_referent=item.has_absent_referent,
        ),
    )


def _labelled(entry: dict[str, Any]) -> LabelledObject:
    """Label an object; no category for what is no everyday noun, no colour for many."""
    color = entry["color"]
    return LabelledObject(entry["id"], noun_of(entry["category"]), "" if color == MIXED else color)
