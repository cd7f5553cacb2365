"""Writer of the shipped test set: views of the split "testset" in the Inst2Seg benchmark format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError, MissingDependencyError
from instructsam_ros.scenes.dataset import View
from instructsam_ros.scenes.instructions import Instruction, instructions, is_held_out
from instructsam_ros.scenes.sampling.splits import manifest

PER_VIEW = 6
JPEG_QUALITY = 90


def write_testset(views: Iterable[View], out: Path, seed: int = 0) -> int:
    """Write images/NNNN.jpg and annotations.json; return the number of instructions.

    Every item has, beside text and mask (one compressed COCO RLE per instance, absent for no
    target): level, kind, cardinality, form, view; template: "held out" if training excludes its
    template; split: "held out" if training excludes the pair of colour and category of a target, or the
    surface. Raises MissingDependencyError without pycocotools, and InvalidInputError for
    a folder that is not empty.
    """
    _coco()  # fail before the first view is rendered
    if out.exists() and any(out.iterdir()):
        raise InvalidInputError(f"{out} is not empty; remove it, or write the test set into another folder")
    rng = np.random.default_rng(seed)
    entries = []
    for number, view in enumerate(views):
        sampled = instructions(view.meta, rng, PER_VIEW, split="heldout")
        if not sampled:
            continue
        name = f"images/{number:04d}.jpg"
        bgr = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        write_atomic(out / name, jpeg.tobytes())
        height, width = view.ids.shape
        items = [_item(instruction, view) for instruction in sampled]
        entries.append({"image": name, "height": height, "width": width, "annotation": items})
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    write_atomic(out / "annotations.json", f"[\n{lines}\n]\n".encode())
    return sum(len(entry["annotation"]) for entry in entries)


def _item(instruction: Instruction, view: View) -> dict[str, Any]:
    item: dict[str, Any] = {
        "text": instruction.text,
        "level": instruction.level,
        "kind": instruction.kind,
        "cardinality": instruction.cardinality,
        "form": instruction.form,
        "view": view.meta["view"],
        "template": "held out" if is_held_out(instruction.template) else "seen",
        "split": "held out" if _is_novel(instruction, view) else "seen",
    }
    if instruction.targets:
        item["mask"] = [encode_mask(view.ids == target) for target in instruction.targets]
    return item


def _is_novel(instruction: Instruction, view: View) -> bool:
    held = manifest()
    pairs = {(o["color"], o["category"]) for o in view.meta["objects"] if o["id"] in instruction.targets}
    return view.meta["surface"] in held.surfaces or bool(pairs & set(held.pairs))


def encode_mask(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Encode a bool [H, W] mask as compressed COCO RLE."""
    rle = _coco().encode(np.asfortranarray(mask, np.uint8))
    return {"size": rle["size"], "counts": rle["counts"].decode("ascii")}


def _coco() -> ModuleType:
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise MissingDependencyError(
            "writing a test set needs pycocotools; install it with: pip install 'instructsam-ros[training]'"
        ) from error
    module: ModuleType = coco
    return module
