"""A small valid VISOR tree with pictures of coloured shapes and two hands, for tests."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from instructsam_ros.training.data.readers import visor

SKIN = (205, 160, 130)
OBJECTS = {
    "mug": (13, "cup", "crockery", (200, 40, 40)),
    "plate": (2, "plate", "crockery", (240, 240, 235)),
    "chopping board": (18, "board:chopping", "utensils", (180, 120, 60)),
    "knife": (4, "knife", "cutlery", (60, 60, 70)),
    "sponge": (9, "sponge", "cleaning equipment and material", (240, 220, 60)),
    "tap": (0, "tap", "appliances", (120, 140, 160)),
}
"""Nouns: class, key and category as in EPIC_100_noun_classes_v2.csv, and colour RGB."""
SHAPES = {
    "mug": [[0, 0], [0.8, 0], [0.8, 0.3], [1, 0.3], [1, 0.7], [0.8, 1], [0, 1]],
    "plate": [[0.2, 0], [0.8, 0], [1, 0.5], [0.8, 1], [0.2, 1], [0, 0.5]],
    "chopping board": [[0, 0.2], [1, 0.2], [1, 1], [0, 1]],
    "knife": [[0, 0.8], [1, 0.8], [0.9, 1], [0, 1]],
    "sponge": [[0, 0], [1, 0], [1, 1], [0, 1]],
    "tap": [[0.4, 0], [1, 0], [1, 0.2], [0.6, 0.2], [0.6, 1], [0.4, 1]],
}
"""Corners in a unit square."""
HEIGHT, WIDTH = 1080, 1920
SCALE = 6
"""The pictures are so many times smaller than the coordinates."""


def write_visor(folder: Path, frames: int = 12, seed: int = 0) -> visor.Settings:
    """Write annotations, pictures and side files of ``frames`` frames; return the settings that read them.

    Every frame shows both hands and four objects apart from each other; each hand touches one of them in two
    frames of three, else nothing. The same seed writes the same tree.
    """
    rng = np.random.default_rng(seed)
    videos: dict[str, list[Any]] = {}
    mapping: dict[str, dict[str, str]] = {}
    rows = []
    for number in range(frames):
        video = f"P01_{1 + number * 2 // max(frames, 1):02d}"
        name = f"{video}_frame_{number * 60:010d}.jpg"
        annotations, picture = _frame(rng, f"{video}_{number}")
        path = folder / "images" / video / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture[..., ::-1])
        image = {
            "image_path": f"{video}/{name}",
            "name": name,
            "subsequence": f"{video}_seq_00001",
            "video": video,
        }
        videos.setdefault(video, []).append({"image": image, "annotations": annotations})
        epic_frame = 61 + number * 60
        mapping.setdefault(video, {})[name] = f"frame_{epic_frame:010d}.jpg"
        key = OBJECTS[annotations[2]["name"]][1]
        rows.append([video, epic_frame - 5, epic_frame + 5, "wash", key])
    for video, content in videos.items():
        path = folder / "annotations" / "train" / f"{video}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"info": {}, "video_annotations": content}))
    (folder / "frame_mapping.json").write_text(json.dumps(mapping))
    (folder / "correct.json").write_text("{}")
    _write_csv(folder / "narrations.csv", ["video_id", "start_frame", "stop_frame", "verb", "noun"], rows)
    classes = [[number, key, str([key]), category] for number, key, category, _ in OBJECTS.values()]
    _write_csv(folder / "nouns.csv", ["id", "key", "instances", "category"], classes)
    return visor.Settings(
        annotations=folder / "annotations",
        images=folder / "images",
        frame_mapping=folder / "frame_mapping.json",
        noun_classes=folder / "nouns.csv",
        contact_fixes=folder / "correct.json",
        narrations=folder / "narrations.csv",
    )


def _frame(rng: np.random.Generator, name: str) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Annotations, the hands first, and the picture RGB."""
    picture = np.full((HEIGHT // SCALE, WIDTH // SCALE, 3), rng.integers(90, 150, 3), np.uint8)
    picture = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    annotations, bottoms = [], []
    nouns = [str(noun) for noun in rng.permutation(list(OBJECTS))[:4]]
    for place, noun in enumerate(nouns):  # one in each quarter of the width
        size = rng.uniform(260, 340)
        corner = np.array([place * 480 + rng.uniform(40, 90), rng.uniform(160, 300)])
        corners = corner + size * np.array(SHAPES[noun])
        annotations.append(_annotation(f"{name}_{place}", noun, OBJECTS[noun][0], corners))
        _draw(picture, corners, OBJECTS[noun][3])
        bottoms.append(corners[corners[:, 1] == corners[:, 1].max()].mean(0))
    hands = []
    for side, class_id, places in (("left", 300, (0, 1)), ("right", 301, (2, 3))):
        place = int(rng.choice(places))
        touches = rng.random() < 2 / 3
        across, down = bottoms[place]
        center = np.array([across, down + 120 if touches else 900])
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        corners = center + np.stack([90 * np.cos(angles), 130 * np.sin(angles)], 1)
        hand = _annotation(f"{name}_{side}", f"{side} hand", class_id, corners)
        hands.append({**hand, "in_contact_object": f"{name}_{place}" if touches else "hand-not-in-contact"})
        _draw(picture, corners, SKIN)
    return hands + annotations, picture


def _annotation(name: str, noun: str, class_id: int, corners: np.ndarray) -> dict[str, Any]:
    return {
        "id": name,
        "name": noun,
        "class_id": class_id,
        "exhaustive": "y",
        "segments": [corners.round(1).tolist()],
    }


def _draw(picture: np.ndarray, corners: np.ndarray, color: tuple[int, int, int]) -> None:
    cv2.fillPoly(picture, [(corners / SCALE).astype(np.int32)], color)


def _write_csv(path: Path, columns: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
