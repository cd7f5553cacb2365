"""Accuracy on instructions about absent objects, also where the model never learned the word.

    python -m benchmarks.absent_objects runs/scenes/heldout --views 200

Asks for things that no scene holds ("the drill"), for known things that are not in the picture, and for
things in the picture at the side of such ("the mug to the left of the bowl", and no bowl); "nothing" is right
every time. So it is for what is there in instructions of training that nothing answers ("the apple on the
tray", and it lies on the table). And asks questions about what is there with an unknown name put before them
("Hubert, the red mug"), which should change nothing.
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
from benchmarks.wordings import united_iou
from instructsam_ros.scenes.assets.catalogue import CATALOGUE
from instructsam_ros.scenes.dataset import View, load_view, view_paths
from instructsam_ros.scenes.instructions import Instruction, instructions
from instructsam_ros.scenes.instructions.absent_objects import is_out_of_vocabulary
from instructsam_ros.scenes.instructions.scene_facts import SceneFacts, is_category

TRIED = 60
"""Instructions drawn per view, of which few are about out-of-vocabulary objects."""
ADDRESS = "Hubert, "


def beside_nothing(
    view: View, said: Sequence[Instruction], rng: np.random.Generator
) -> Iterator[Instruction]:
    """Plain names of things that are there, to the left of something that surely is not."""
    facts = SceneFacts(view.meta)
    missing = [c for c in CATALOGUE if set(facts.where(is_category(c)).values()) == {0}]
    present = [i for i in said if i.kind == "concept" and i.targets]
    for item, category in zip(present, rng.permutation(missing), strict=False):
        text = f"the {item.phrase} to the left of the {category}"
        yield dataclasses.replace(item, text=text, targets=())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenes", type=Path, help="folder written by `instructsam scenes render --heldout`")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--views", type=positive_int, default=200)
    parser.add_argument("--each", type=positive_int, default=2, help="instructions of every kind per view")
    parser.add_argument("--threads", type=positive_int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    segmenter = instructsam_ros.load(args.model, device="cpu")
    scores: dict[str, list[float]] = {}
    for number, path in enumerate(tqdm(view_paths(args.scenes)[: args.views], unit="view")):
        view = load_view(path, depth=False)
        rng = np.random.default_rng(number)
        said = instructions(view.meta, rng, TRIED)
        nothing = [i for i in said if not i.targets]
        groups: dict[str, list[Instruction]] = {
            "a thing that no scene holds": [
                i for i in nothing if is_out_of_vocabulary(i.text) and not i.phrase_ids
            ],
            "a known thing that is not there": [
                i for i in nothing if not is_out_of_vocabulary(i.text) and not i.phrase_ids
            ],
            "a thing at the side of what is not there": list(beside_nothing(view, said, rng)),
            "a thing that is there, but not so": [
                i for i in nothing if not is_out_of_vocabulary(i.text) and i.phrase_ids
            ],
            "a thing that is there": [i for i in said if i.targets],
        }
        features = segmenter.encode(view.rgb)
        for name, items in groups.items():
            for item in items[: args.each]:
                scores.setdefault(name, []).append(united_iou(segmenter, features, item, view.ids))
                if item.targets:
                    addressed = dataclasses.replace(item, text=ADDRESS + item.text)
                    score = united_iou(segmenter, features, addressed, view.ids)
                    scores.setdefault(f"{name}, behind an unknown name", []).append(score)
    for name, values in scores.items():
        print(f"{name}: {len(values)} instructions, gIoU {np.mean(values):.3f}")


if __name__ == "__main__":
    run(main)
