"""Accuracy on real pictures: tables seen by an RGB-D camera, a robot's bin, kitchens. One table for all.

    python -m benchmarks.real_pictures --rgbd RGBD --bin BIN --coco COCO --out runs/real_pictures

RGBD/annotations.json and BIN/dev.json are in Inst2Seg benchmark form, COCO/instances.json has polygons (see
kitchen_photographs.py); the pictures lie beside them. Any of the three may be left out. With ``--camera
FILE``, the calibration of the table pictures NAME-color.png, the table is measured again with masks refined
by NAME-depth.png (16 bit millimetres). AP50 is over all instructions, gIoU over those with a target. A noun
is known when the model's vocabulary has all of its words; that is about words, not about what training has
shown ("soup can" is known of "soup" and "can"), and a model without a list of words knows every noun.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import instructsam_ros
from benchmarks.command import run
from benchmarks.kitchen_photographs import read_photographs
from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.camera_files import read_depth
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting import RefinementSettings
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.plurals import plural
from instructsam_ros.training.data.readers import inst2seg
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.evaluation.metrics import CaseScore, Metrics, summarise
from instructsam_ros.training.evaluation.report import INTERVALS, table

COLUMNS = ("instructions", "ap50", "giou", "no_target_accuracy", "target_accuracy")
NO_NOUN = "(no noun)"
NOT_NOUNS = {"absent", "drink"}
"""Kinds of annotations that name no object."""
PHRASE = re.compile(r"\b(?:all the|the|both) (.+?)(?: (?:left|right|closest|in|on|of|under|behind)\b.*)?$")
ADJECTIVES = re.compile(r"\b(?:black|blue|brown|gray|green|orange|pink|red|white|yellow) (?=\w)")


def noun_of(text: str, kind: str, nouns: Sequence[str]) -> str:
    """Return the noun that an instruction asks for. kind: that of its annotation, or "".

    nouns: in the singular, for what has no kind and is in the plural ("both bowls").
    """
    if kind and kind not in NOT_NOUNS:
        return kind
    phrase = PHRASE.search(text)
    if phrase is None or kind == "drink":
        return NO_NOUN
    noun = ADJECTIVES.sub("", phrase[1])
    return {plural(one): one for one in nouns}.get(noun, noun)


def labelled(samples: Sequence[Sample], unknown_words: Callable[[str], Sequence[str]]) -> Iterator[Sample]:
    """Label samples by their noun, and by whether the model knows it."""
    singular = [noun_of(s.instruction, s.labels.get("kind", ""), ()) for s in samples]
    for sample in samples:
        noun = noun_of(sample.instruction, sample.labels.get("kind", ""), singular)
        is_known = noun == NO_NOUN or not unknown_words(noun)
        labels = {**sample.labels, "noun": noun, "known": "known" if is_known else "unknown"}
        yield dataclasses.replace(sample, labels=labels)


def figures(scores: Sequence[CaseScore]) -> Metrics:
    """Summarise cases, gIoU over those with a target, without a breakdown."""
    whole = summarise(scores)
    targets = [score for score in scores if score.iou.shape[1]]
    if targets:
        there = summarise(targets)
        intervals = {**whole.intervals, "giou": there.intervals["giou"]}
        whole = dataclasses.replace(whole, giou=there.giou, intervals=intervals)
    return dataclasses.replace(whole, by_label={})


def groups(name: str, scores: Sequence[CaseScore]) -> Iterator[tuple[str, Metrics]]:
    """Figures of a set, and of its known nouns where there are others."""
    yield name, figures(scores)
    known = [score for score in scores if score.labels["known"] == "known"]
    if 0 < len(known) < len(scores):
        yield f"{name}, known nouns", figures(known)


def by_noun(scores: Sequence[CaseScore]) -> list[tuple[str, Metrics]]:
    """Figures of every noun over the instructions with a target, no intervals; unknown nouns in brackets."""
    found: dict[str, list[CaseScore]] = {}
    for score in scores:
        if score.iou.shape[1]:
            noun = score.labels["noun"]
            found.setdefault(noun if score.labels["known"] == "known" else f"[{noun}]", []).append(score)
    metrics = [(noun, figures(members)) for noun, members in sorted(found.items())]
    return [(noun, dataclasses.replace(each, intervals={})) for noun, each in metrics]  # of few pictures


def samples_of(annotations: Path, images: Path) -> list[Sample]:
    """Read a benchmark file. Raises InvalidInputError for one with a record that cannot be used."""
    broken = BrokenRecords()
    samples = list(inst2seg.read(inst2seg.Settings(annotations, images), broken))
    if broken.problems:
        raise InvalidInputError(f"{annotations} has records that cannot be used: {broken.problems}")
    return samples


def with_depth(samples: Sequence[Sample], folder: Path, camera: Path) -> list[Sample]:
    """Add the depth NAME-depth.png to samples about NAME-color.png."""
    return [
        dataclasses.replace(
            sample, depth=partial(read_depth, folder / sample.image.replace("-color.", "-depth."), camera)
        )
        for sample in samples
    ]


def vocabulary_of(segmenter: Segmenter) -> Callable[[str], Sequence[str]]:
    """Return the function that lists the words of a text that a model does not know."""
    prompts = getattr(segmenter, "prompts", None)
    return getattr(prompts, "unknown_words", lambda _: ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rgbd", type=Path, metavar="DIR", help="table pictures, with annotations.json")
    parser.add_argument("--camera", type=Path, metavar="FILE", help="calibration of the table pictures")
    parser.add_argument("--bin", type=Path, metavar="DIR", help="pictures of a bin, with dev.json")
    parser.add_argument("--coco", type=Path, metavar="DIR", help="photographs, with instances.json")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("runs/real_pictures"), help="folder of the results")
    args = parser.parse_args()
    sets: dict[str, list[Sample]] = {}
    if args.rgbd:
        sets["table"] = samples_of(args.rgbd / "annotations.json", args.rgbd)
    if args.bin:
        sets["bin"] = samples_of(args.bin / "dev.json", args.bin)
    if args.coco:
        converted = args.out / "kitchen.json"
        entries = read_photographs(args.coco / "instances.json")
        write_atomic(converted, json.dumps(entries).encode())
        sets["kitchen"] = samples_of(converted, args.coco)
    if not sets:
        raise InvalidInputError("there is nothing to measure; give --rgbd, --bin or --coco")
    refined = "table, refined with depth"
    if args.rgbd and args.camera:
        sets[refined] = with_depth(sets["table"], args.rgbd, args.camera)
    segmenter = instructsam_ros.load(args.model, device=args.device)
    unknown_words = vocabulary_of(segmenter)
    rows: list[tuple[str, Metrics]] = []
    nouns: dict[str, list[tuple[str, Metrics]]] = {}
    for name, samples in sets.items():
        asked = labelled(samples, unknown_words)
        refinement = RefinementSettings() if name == refined else None
        scores = evaluate(segmenter, asked, worst=0, refinement=refinement).scores
        rows += groups(name, scores)
        nouns[name] = by_noun(scores)
    page = report(rows, nouns)
    write_atomic(args.out / "real_pictures.md", page.encode())
    values = {"sets": dict(rows), "nouns": {name: dict(found) for name, found in nouns.items()}}
    content = json.dumps(values, default=Metrics.as_dict, indent=2) + "\n"
    write_atomic(args.out / "real_pictures.json", content.encode())
    print(page)


def report(rows: list[tuple[str, Metrics]], nouns: dict[str, list[tuple[str, Metrics]]]) -> str:
    """Write the table of the sets and a table of nouns for each, in Markdown."""
    parts = [f"Per cent, {INTERVALS}; gIoU over instructions with a target.\n", table("", rows, COLUMNS)]
    for name, found in nouns.items():
        parts.append(f"By noun, {name}; instructions with a target, unknown nouns in brackets.\n")
        parts.append(table("", found, ("instructions", "ap50", "giou", "target_accuracy")))
    return "\n".join(parts)


if __name__ == "__main__":
    run(main)
