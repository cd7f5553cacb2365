"""The Inst2Seg engine as ``generate`` runs it: its items, and the files it writes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from instructsam_ros import __version__
from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import write_json_list
from instructsam_ros.training.data.sample import cardinality
from instructsam_ros.training.data_engine.asker import Asker
from instructsam_ros.training.data_engine.frames import VIDEOS, Frame, FrameCounts, read_frames
from instructsam_ros.training.data_engine.inst2seg.config import Inst2SegConfig
from instructsam_ros.training.data_engine.inst2seg.engine import FrameFile, Inst2SegStages
from instructsam_ros.training.data_engine.masks import BoxMasks, load_masks
from instructsam_ros.training.data_engine.outcomes import Outcome
from instructsam_ros.training.data_engine.prompts import load_prompts

JPEG_QUALITY = 95


class Inst2SegEngine:
    """See generate.Engine. masks: in place of those of the configuration."""

    calls = ((2000, 700), (2300, 500), *(((3500, 150),) * 5))
    """Questions, boxes, and a second look at each of about five targets."""

    def __init__(self, config: Inst2SegConfig, masks: BoxMasks | None = None) -> None:
        self.config, self.own_masks = config, masks
        self.vlm, self.limits, self.prices, self.out = config.vlm, config.limits, config.prices, config.out
        self.prompts = load_prompts("inst2seg", config.prompts)
        decisive = (config.vlm.identity, self.prompts, config.questions, config.masks, config.filters)
        self.fingerprint = hashlib.sha256(repr(decisive).encode()).hexdigest()

    def items(self) -> list[FrameFile]:
        """Choose frames at the first run, and write them and frames.json; list these afterwards.

        Raises InvalidInputError for a folder without frames, and where the settings of frames have changed.
        """
        index = self.out / "frames.json"
        settings = repr(self.config.frames)
        if not index.exists():
            counts = FrameCounts()
            frames = [self._save(frame) for frame in read_frames(self.config.frames, counts)]
            content = {
                "settings": settings,
                "counts": {**vars(counts), "dropped": dict(counts.dropped)},
                "frames": frames,
            }
            write_atomic(index, json.dumps(content, indent=1).encode())
        content = json.loads(index.read_text())
        if content["settings"] != settings:
            raise InvalidInputError(f"{index} is of other settings of frames; choose another folder for out")
        return [FrameFile(self.out / "images" / f["image"], f["image"], f) for f in content["frames"]]

    def stages(self, asker: Asker) -> Callable[[FrameFile], Outcome]:
        """See generate.Engine."""
        masks = self.own_masks or load_masks(self.config.masks)
        return Inst2SegStages(asker, self.prompts, masks, self.config.filters, self.config.questions).run

    def write(self, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
        """Write annotations.json in the training form of InstructSAM."""
        origins = {item.name: item for item in self.items()}
        if not any(outcome.records for outcome in outcomes):
            return []
        path = self.out / "annotations.json"
        temporary = path.with_suffix(".partial")
        write_json_list(temporary, (self._entry(o, origins[o.item]) for o in outcomes if o.records))
        temporary.replace(path)
        return [{"format": "inst2seg", "annotations": str(path), "images": str(self.out / "images")}]

    def _save(self, frame: Frame) -> dict[str, Any]:
        source = Path(frame.source)
        image = source.with_suffix("").as_posix()
        image += f"_{frame.number:06d}.jpg" if source.suffix.lower() in VIDEOS else f"{source.suffix}.jpg"
        file = io.BytesIO()
        Image.fromarray(frame.rgb).save(file, "jpeg", quality=JPEG_QUALITY)
        write_atomic(self.out / "images" / image, file.getvalue())
        origin = {"source": frame.source, "frame": frame.number, "seconds": round(frame.seconds, 3)}
        return {"image": image, **origin, "clip": frame.clip, "blur": round(frame.blur, 3)}

    def _entry(self, outcome: Outcome, item: FrameFile) -> dict[str, Any]:
        with Image.open(item.path) as image:
            width, height = image.size
        items = [self._annotation(record, item) for record in outcome.records]
        return {"type": "instseg", "image": item.name, "height": height, "width": width, "annotation": items}

    def _annotation(self, record: dict[str, Any], item: FrameFile) -> dict[str, Any]:
        question = record["question"]
        origin = {key: item.origin[key] for key in ("source", "frame", "seconds")}
        return {
            "type": "phrase" if question["level"] == "concept" else "sentence",
            "text": question["question"],
            "category": question["answer"],
            "ann_type": "mask",
            "ann": [json.dumps(rle) for rle in record["masks"]] or None,
            "level": question["level"],
            "cardinality": cardinality(len(record["masks"])),
            "object_id": record["object_id"],
            "ground": question["ground"],
            "provenance": {
                "engine": f"inst2seg {__version__}",
                "model": self.vlm.identity,
                "prompts": self.prompts.version,
                "masks": f"{self.config.masks.backend} {self.config.masks.model}",
                **origin,
                **record["provenance"],
            },
        }
