"""Mask propagation by the tracker of SAM 3, streamed frame by frame with a memory of fixed size."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoModel
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import (
    Sam3TrackerVideoInferenceSession,
)

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.device import torch_device
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.common.weightless import Weightless
from instructsam_ros.models.instructsam.two_tower_encoder import square_pixels
from instructsam_ros.models.sam3.checkpoint import fill
from instructsam_ros.tracking.propagation import PropagatedMask, check_next, check_start

TRACKER_NAMES = (
    (r"^detector_model\.vision_encoder\.backbone\.", "vision_encoder.backbone."),
    (r"^tracker_neck\.", "vision_encoder.neck."),
    (r"^tracker_model\.", ""),
)
"""Names in facebook/sam3, and in the tracker alone; as in transformers' own conversion."""
_POSITIONS = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)
_PRODUCTS = ("pred_masks", "high_res_masks")
"""Of a frame that nothing reads once its memory is encoded: most of what the session would keep."""


class Sam3MaskPropagator:
    """MaskPropagator by ``Sam3TrackerVideoModel``; hidden objects may be found again.

    Of the session's frames those that the model still attends to are kept: the first, whose masks were given,
    and as many of the last as there are places for memories and object pointers.
    """

    def __init__(self, model: Sam3TrackerVideoModel) -> None:
        self.model = model
        self.session: Sam3TrackerVideoInferenceSession | None = None
        self._frame = 0
        self._size: tuple[int, int] | None = None
        config = model.config
        self._reach = max(config.num_maskmem, config.max_object_pointers_in_encoder)

    def start(
        self,
        rgb: NDArray[np.uint8],
        masks: Sequence[NDArray[np.bool_]],
        ids: Sequence[int],
        depth: NDArray[np.float32] | None = None,
    ) -> None:
        """Begin anew; see MaskPropagator.start. ``depth`` is not used."""
        check_start(rgb, masks, ids)
        self._size, self._frame = (rgb.shape[0], rgb.shape[1]), 0
        # The model fails on a session without objects, and objects without pixels have no place.
        given = {number: mask for number, mask in zip(ids, masks, strict=True) if mask.any()}
        if not given:
            self.session = None
            return
        model = self.model
        self.session = session = Sam3TrackerVideoInferenceSession(
            inference_device=model.device,
            inference_state_device=model.device,
            video_storage_device=model.device,
            dtype=model.dtype,
        )
        for number, mask in given.items():
            session.add_mask_inputs(session.obj_id_to_idx(number), 0, self._square_mask(mask))
        session.obj_with_new_inputs = list(given)
        self._step(session, rgb)
        for inputs in session.mask_inputs_per_obj.values():
            inputs.clear()

    def follow(
        self, rgb: NDArray[np.uint8], depth: NDArray[np.float32] | None = None
    ) -> Mapping[int, PropagatedMask]:
        """Return the masks in the next frame; see MaskPropagator.follow. ``depth`` is not used."""
        check_next(rgb, self._size)
        if self.session is None:
            return {}
        self._frame += 1
        ids, logits, scores = self._step(self.session, rgb)
        resized = (
            F.interpolate(logits, rgb.shape[:2], mode="bilinear", align_corners=False)[:, 0].cpu().numpy()
        )
        owner = resized.argmax(0)
        found = {}
        for index, number in enumerate(ids):
            mask = (owner == index) & (resized[index] > 0)
            score = float(scores[index])
            if score > 0 and mask.any():
                found[number] = PropagatedMask(mask, 1 / (1 + float(np.exp(-score))))
        return found

    @torch.inference_mode()
    def _step(
        self, session: Sam3TrackerVideoInferenceSession, rgb: NDArray[np.uint8]
    ) -> tuple[list[int], Tensor, Tensor]:
        """Run a frame; return ids, mask logits [n, 1, h, w] and logits [n] that the object is there."""
        pixels = square_pixels(rgb, self.model.image_size).to(self.model.device, self.model.dtype)
        output = self.model(session, frame_idx=self._frame, frame=pixels)
        forget(session, self._frame - self._reach)
        return output.object_ids, output.pred_masks.float(), output.object_score_logits.flatten().float()

    def _square_mask(self, mask: NDArray[np.bool_]) -> Tensor:
        """Resize a mask to what the model takes, float32 [1, 1, S, S] of 0 and 1."""
        side = self.model.image_size
        values = torch.from_numpy(mask)[None, None].float()
        resized = F.interpolate(values, (side, side), mode="bilinear", align_corners=False, antialias=True)
        return (resized >= 0.5).float()


def forget(session: Sam3TrackerVideoInferenceSession, oldest: int) -> None:
    """Drop from a session all pictures, all masks, and what was tracked before frame ``oldest``."""
    session.processed_frames.clear()
    for outputs in session.output_dict_per_obj.values():
        tracked = outputs["non_cond_frame_outputs"]
        for number in [number for number in tracked if number < oldest]:
            del tracked[number]
        for output in (*outputs["cond_frame_outputs"].values(), *tracked.values()):
            for name in _PRODUCTS:
                output.pop(name, None)
    for frames in session.frames_tracked_per_obj.values():
        for number in [number for number in frames if number < oldest]:
            del frames[number]


def load(model: str, device: str) -> Sam3MaskPropagator:
    """Load the tracker of facebook/sam3: a hub id (gated) or a folder of it.

    Raises CheckpointError for weights that are missing, damaged or not those of a tracker, ConfigError for an
    unusable device.
    """
    target = torch_device(device)
    folder = checkpoint_folder(model)
    net = weightless_tracker(folder)
    with TensorFiles(folder) as files:
        if files.problems:
            raise CheckpointError(f"{folder} is not consistent:\n  " + "\n  ".join(files.problems))
        names = {name: tracker_name(name) for name in files}
        tensors = {renamed: files[name] for name, renamed in names.items() if renamed is not None}
        for name, other in (_POSITIONS, _POSITIONS[::-1]):  # one matrix, not always stored twice
            if other in tensors:
                tensors.setdefault(name, tensors[other])
        # In bfloat16 positions would be rounded to several pixels.
        fill(net, tensors, f"{folder} (tracker)", torch.float32, target)
    return Sam3MaskPropagator(net.eval())


def weightless_tracker(folder: Path) -> Sam3TrackerVideoModel:
    """Build the tracker that config.json describes, without memory for weights. Raises CheckpointError."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        settings = {k: v for k, v in values["tracker_config"].items() if k != "model_type"}
        with Weightless():
            return Sam3TrackerVideoModel(Sam3TrackerVideoConfig(**settings))
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no config.json; name facebook/sam3 or a folder of it") from None
    except KeyError:
        raise CheckpointError(
            f"{path} describes no tracker; name facebook/sam3 or a folder of it to follow masks with"
        ) from None
    except Exception as error:  # transformers raises kinds of its own for values that do not fit
        raise CheckpointError(f"{path} does not describe the tracker of SAM 3: {error!r}") from None


def tracker_name(name: str) -> str | None:
    """Map a tensor's name in facebook/sam3 to the tracker's; None for one of the detector."""
    for pattern, prefix in TRACKER_NAMES:
        if re.match(pattern, name):
            return re.sub(pattern, prefix, name)
    return None
