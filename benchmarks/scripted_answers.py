"""What the scripted language model says about rendered scenes, true but for faults at set rates."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import instructions
from instructsam_ros.training.data_engine.inst2seg.schemas import SCALE
from instructsam_ros.types import tight_box

if TYPE_CHECKING:
    from benchmarks.scripted_vlm import Faults

THUMBNAIL = (16, 12)
TINTED = 24
"""Difference of two pictures from which on a pixel counts as tinted; compression stays below."""
AGREES = 0.5
"""Share of an object that must be outlined, and of the smallest one that may be besides."""
NOISE = 60
"""Pixels that seem tinted through compression."""
LETTERS = "ABCDE"

Image = NDArray[np.uint8]
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """A rendered view that the server knows."""

    name: str
    view: View

    def mask(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """The pixels of objects together, bool [H, W]."""
        return np.isin(self.view.ids, list(ids))

    def boxes(self, ids: Sequence[int]) -> list[list[float]]:
        """The boxes of objects in thousandths of the sides."""
        height, width = self.view.ids.shape
        scale = SCALE / np.array([width, height, width, height])
        return [np.round(tight_box(self.view.ids == each) * scale).tolist() for each in ids]


class ScriptedAnswers:
    """Answers by task, see the prompts of the engines. truth: targets by scene and text. faulty: the fault in
    what was said of a text of a scene.
    """

    def __init__(self, scenes: Sequence[Scene], faults: Faults, seed: int) -> None:
        self.scenes, self.faults, self.seed = list(scenes), faults, seed
        self.truth: dict[tuple[str, str], Ids] = {}
        self.faulty: dict[tuple[str, str], str] = {}
        self._thumbnails = thumbnails(scenes)

    def answer(self, task: str, text: str, pictures: Sequence[Image], turn: int) -> dict[str, Any]:
        """Answer a request. turn: how many messages it has, so that a question put again has other faults."""
        scene = self.scenes[nearest_scene(self._thumbnails, pictures[0])]
        rng = np.random.default_rng((self.seed, zlib.crc32(f"{task} {scene.name} {text} {turn}".encode())))
        if task == "questions":
            return self._questions(scene, int(re.findall(r"\d+", text)[0]), rng)
        if task == "boxes":
            return self._boxes(scene, _numbered(text), rng)
        if task == "annotate":
            return self._describe(scene, self._shown(scene, pictures), rng)
        if task == "inspect":
            return self._choose(scene, self._shown(scene, pictures), text, rng)
        if task == "polish":
            simple, complex_ = (re.findall(rf"^{key}: (.*)$", text, re.M)[0] for key in ("simple", "complex"))
            return {"simple": simple.strip(), "complex": complex_.strip(), "unchanged_meaning": True}
        return self._check(scene, pictures, _numbered(text), rng)

    def _questions(self, scene: Scene, count: int, rng: np.random.Generator) -> dict[str, Any]:
        found = []
        for item in instructions(scene.view.meta, rng, count, split="heldout"):
            number = len(item.targets)
            key = (scene.name, item.text)
            if rng.random() < self.faults.ground:
                number = 1 if number == 0 else number + 1
                self.faulty[key] = "ground"
            self.truth[key] = item.targets
            ground = "none" if number == 0 else f"exactly {number}"
            question = {"level": item.level, "question": item.text, "answer": item.phrase, "ground": ground}
            found.append(question)
        return {"questions": found}

    def _boxes(self, scene: Scene, texts: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
        groups: dict[Ids, list[int]] = {}
        for number, text in enumerate(texts):
            groups.setdefault(self.truth[scene.name, text], []).append(number)
        everything = [entry["id"] for entry in scene.view.meta["objects"]]
        categories = {entry["id"]: entry["category"] for entry in scene.view.meta["objects"]}
        targets = []
        for place, (ids, numbers) in enumerate(groups.items()):
            boxes, fault = scene.boxes(ids), ""
            if ids and rng.random() < self.faults.box:
                boxes[0], fault = _elsewhere(boxes[0], rng), "box"
            elif rng.random() < self.faults.count:
                others = [each for each in everything if each not in ids]
                if len(ids) > 1 or (ids and not others):
                    boxes, fault = boxes[1:], "count"
                elif others:
                    boxes, fault = boxes + scene.boxes([int(rng.choice(others))]), "count"
            for number in numbers if fault else ():
                self.faulty.setdefault((scene.name, texts[number]), fault)
            noun = categories[ids[0]] if ids else "thing"
            targets.append({"object_id": f"t{place}", "noun": noun, "questions": numbers, "boxes": boxes})
        return {"targets": targets}

    def _check(
        self, scene: Scene, pictures: Sequence[Image], texts: Sequence[str], rng: np.random.Generator
    ) -> dict[str, Any]:
        shown = _tinted(pictures)
        verdicts = []
        for number, text in enumerate(texts):
            is_right = _outlined(scene, self.truth[scene.name, text], shown)
            if rng.random() < self.faults.verdict:
                is_right = not is_right
            verdicts.append({"question": number, "accept": bool(is_right), "reason": "looked"})
        return {"verdicts": verdicts}

    def _shown(self, scene: Scene, pictures: Sequence[Image]) -> int:
        """The object that the second picture shows tinted."""
        difference = cv2.absdiff(pictures[0], pictures[1]).max(2)
        ids = [entry["id"] for entry in scene.view.meta["objects"]]
        return int(max(ids, key=lambda each: difference[scene.view.ids == each].mean()))

    def _describe(self, scene: Scene, shown: int, rng: np.random.Generator) -> dict[str, Any]:
        objects = {entry["id"]: entry for entry in scene.view.meta["objects"]}
        others = [each for each in objects if each != shown]
        described = shown
        if others and rng.random() < self.faults.mistaken:
            described = int(rng.choice(others))
        entry, place = objects[described], _place(scene, described)
        noun = objects[shown]["category"]
        use = next((AFFORDANCES[key].phrase for key in entry["affordances"]), "thing")
        named = noun if rng.random() < self.faults.named else use
        if noun in named and named != noun:
            named = "thing"
        description = {
            "concept": noun,
            "simple": {
                "statement": f"Point at the {entry['color']} {noun} {place}.",
                "question": f"Where is the {entry['color']} {noun} {place}?",
            },
            "complex": {
                "statement": f"Give me the {entry['color']} {named} {place}.",
                "question": f"Which {entry['color']} {named} is {place}?",
            },
        }
        texts = [text for pair in ("simple", "complex") for text in description[pair].values()]
        for text in texts:
            self.truth[scene.name, text] = (described,)
            if described != shown:
                self.faulty[scene.name, text] = "mistaken"
        negatives = [f"Point at the transparent {noun} number {number} {place}." for number in range(2)]
        negatives += [f"Give me the glowing thing number {number} {place}." for number in range(2)]
        return {**description, "negatives": negatives}

    def _choose(self, scene: Scene, shown: int, text: str, rng: np.random.Generator) -> dict[str, Any]:
        answers = []
        for item in re.split(r"^Item \d+\n", text, flags=re.M)[1:]:
            options = re.findall(r"^([A-E])\) (.*)$", item, re.M)
            right = [letter for letter, option in options if self.truth.get((scene.name, option)) == (shown,)]
            errs = not right or rng.random() < self.faults.verdict
            wrong = [letter for letter, _ in options if letter not in right]
            answers.append(str(rng.choice(wrong)) if errs else right[0])
        return {"answers": answers}


def thumbnails(scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """Small copies of the images of scenes, [n, h, w, 3]."""
    return np.stack([_thumbnail(scene.view.rgb) for scene in scenes])


def nearest_scene(known: NDArray[np.float32], picture: Image) -> int:
    """Which of the scenes of ``thumbnails`` a picture uint8 [H, W, 3] shows."""
    return int(np.abs(known - _thumbnail(picture)).mean((1, 2, 3)).argmin())


def _thumbnail(rgb: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(rgb, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32)


def _tinted(pictures: Sequence[Image]) -> NDArray[np.bool_]:
    """What the second picture shows in another colour than the first, closed over compression."""
    difference = cv2.absdiff(pictures[0], pictures[1]).max(2)
    tinted = cv2.morphologyEx(
        (difference > TINTED).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)
    )
    return np.asarray(cv2.morphologyEx(tinted, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0)


def _outlined(scene: Scene, ids: Ids, shown: NDArray[np.bool_]) -> bool:
    """Whether a mask outlines every one of the objects and nothing besides."""
    sizes = [int((scene.view.ids == each).sum()) for each in ids]
    inside = [int((shown & (scene.view.ids == each)).sum()) for each in ids]
    besides = int((shown & ~cv2.dilate(scene.mask(ids).astype(np.uint8), np.ones((5, 5))).astype(bool)).sum())
    if besides > NOISE + AGREES * min(sizes, default=0):
        return False
    return all(part >= AGREES * size for part, size in zip(inside, sizes, strict=True))


def _numbered(text: str) -> list[str]:
    return re.findall(r"^\d+: (.*)$", text, re.M)


def _elsewhere(box: Sequence[float], rng: np.random.Generator) -> list[float]:
    """A box of the same size at another place, away from where it was if it can be."""
    size = np.array(box[2:]) - box[:2]
    corners = rng.uniform(0, SCALE - size, (20, 2))
    shared = np.clip(size - abs(corners - box[:2]), 0, None).prod(1)
    corner = corners[shared.argmin()]
    return [round(value) for value in (*corner, *(corner + size))]


def _place(scene: Scene, number: int) -> str:
    """Where an object is, with its coordinates, so that no two descriptions are the same."""
    x0, y0, x1, y1 = scene.boxes([number])[0]
    return (
        f"at {round((x0 + x1) / 20)} percent of the width and {round((y0 + y1) / 20)} percent of the height"
    )
