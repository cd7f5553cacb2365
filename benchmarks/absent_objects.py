"""Accuracy on instructions without a target, and with an out-of-vocabulary word.

    python -m benchmarks.absent_objects runs/scenes/validation --views 200

Four groups have no target: out-of-vocabulary objects ("the violin"), known objects absent from the image,
present objects left of an absent anchor ("the mug to the left of the bowl", without a bowl), and present
objects without the described attribute or relation ("the apple on the tray" for an apple on the table). The
fifth group has targets, and is measured again after an out-of-vocabulary form of address ("Hubert, the red
mug"), which does not change the meaning.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import instructsam_ros
from benchmarks.command import positive_int, run
from benchmarks.union_iou import union_iou
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.scenes.instructions.absent_objects import is_out_of_vocabulary
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts, is_category

SAMPLED = 60
"""Instructions per view; only a few are about out-of-vocabulary objects."""
FORM_OF_ADDRESS = "Hubert, "


def left_of_absent_anchors(
    view: View, sampled: Sequence[Instruction], rng: np.random.Generator
) -> Iterator[Instruction]:
    """Place present objects of sampled concept instructions left of categories absent from the view."""
    facts = SceneFacts(view.meta)
    absent = [c for c in CATALOGUE if set(facts.where(is_category(c)).values()) == {0}]
    present = [i for i in sampled if i.kind == "concept" and i.targets]
    for item, category in zip(present, rng.permutation(absent), strict=False):
        text = f"the {item.phrase} to the left of the {category}"
        yield dataclasses.replace(item, text=text, targets=())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "scenes", type=Path, help="folder written by `instructsam scenes render --validation`"
    )
    parser.add_argument("--model", default="compact")
    parser.add_argument("--views", type=positive_int, default=200)
    parser.add_argument("--each", type=positive_int, default=2, help="instructions of every group per view")
    parser.add_argument("--threads", type=positive_int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    segmenter = instructsam_ros.load(args.model, device="cpu")
    scores: dict[str, list[float]] = {}
    for number, path in enumerate(tqdm(view_paths(args.scenes)[: args.views], unit="view")):
        view = load_view(path, depth=False)
        rng = np.random.default_rng(number)
        sampled = instructions(view.meta, rng, SAMPLED)
        negatives = [i for i in sampled if not i.targets]
        groups: dict[str, list[Instruction]] = {
            "out-of-vocabulary object": [
                i for i in negatives if is_out_of_vocabulary(i.text) and not i.phrase_ids
            ],
            "absent object": [i for i in negatives if not is_out_of_vocabulary(i.text) and not i.phrase_ids],
            "present object left of an absent anchor": list(left_of_absent_anchors(view, sampled, rng)),
            "present object without the attribute or relation": [
                i for i in negatives if not is_out_of_vocabulary(i.text) and i.phrase_ids
            ],
            "present object": [i for i in sampled if i.targets],
        }
        features = segmenter.encode(view.rgb)
        for name, items in groups.items():
            for item in items[: args.each]:
                scores.setdefault(name, []).append(union_iou(segmenter, features, item, view.ids))
                if item.targets:
                    addressed = dataclasses.replace(item, text=FORM_OF_ADDRESS + item.text)
                    score = union_iou(segmenter, features, addressed, view.ids)
                    scores.setdefault(f"{name}, after an out-of-vocabulary form of address", []).append(score)
    for name, values in scores.items():
        print(f"{name}: {len(values)} instructions, gIoU {np.mean(values):.3f}")


if __name__ == "__main__":
    run(main)
