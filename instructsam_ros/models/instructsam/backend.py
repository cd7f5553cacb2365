"""InstructSAM behind the Segmenter contract."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.decode import Prefix
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.models.instructsam.prompt import PromptTokenizer
from instructsam_ros.models.instructsam.source import checkpoint_folder
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import Instance, Segmentation, Status, check_instruction, check_rgb, tight_box

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class EncodedImage:
    """What every instruction on one image shares: features, the language model's state behind the
    image, the image's size in pixels, and the seconds that encoding took.
    """

    features: ImageFeatures
    prefix: Prefix
    height: int
    width: int
    seconds: float


@dataclass(frozen=True)
class DecodedSegmentation(Segmentation):
    """A Segmentation that remembers its answer as token ids, for the next frame of a stream."""

    answer_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class InstructSamSegmenter:
    """Segmenter around one InstructSam model and its tokenizer; see Segmenter for the contract."""

    model: InstructSam
    prompts: PromptTokenizer
    name: str = "instructsam"
    fast_encoder: bool = False
    """Run the image encoder in bfloat16 arithmetic; everything behind it keeps the model's type."""

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return self.model.mask_queries.device

    @torch.inference_mode()
    def encode(self, rgb: NDArray[np.uint8]) -> EncodedImage:
        """Features of a uint8 [H, W, 3] image and the prompt up to its end."""
        check_rgb(rgb)
        start = time.perf_counter()
        inputs = self.model.image_encoder.preprocess(rgb).to(self.device, self.model.mask_queries.dtype)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.fast_encoder):
            features = self.model.encode_image(inputs).to(self.model.mask_queries.dtype)
        prefix = self.model.prefix(features, self.prompts.image_ids(features.tokens.shape[1]))
        self._wait()
        return EncodedImage(features, prefix, rgb.shape[0], rgb.shape[1], time.perf_counter() - start)

    @torch.inference_mode()
    def segment(
        self,
        features: EncodedImage,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> DecodedSegmentation:
        """Answer an instruction; see Segmenter.segment. previous: any Segmentation of this segmenter."""
        rest = self.prompts.instruction_ids(check_instruction(instruction))
        start = time.perf_counter()
        answer = self.model.answer(
            features.features,
            [*features.prefix.ids, *rest],
            prefix=features.prefix,
            previous_ids=previous.answer_ids if isinstance(previous, DecodedSegmentation) else (),
            cancel=cancel,
        )
        phrases, queries = self.model.answered_phrases(answer)
        generated = time.perf_counter()
        raise_if_cancelled(cancel)
        instances: list[Instance] = []
        saturated = False
        if phrases:
            output = self.model.segment_phrases(features.features, phrases, queries)
            instances, saturated = self._instances(output, phrases, features.height, features.width)
        status = Status.SATURATED if saturated else Status.OK if instances else Status.NO_TARGET
        seconds = {
            "encode": features.seconds,
            "generate": generated - start,
            "masks": time.perf_counter() - generated,
        }
        text = self.prompts.text(answer.ids)
        return DecodedSegmentation(tuple(instances), text, status, MappingProxyType(seconds), answer.ids)

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> DecodedSegmentation:
        """``segment(encode(rgb), instruction)``."""
        return self.segment(self.encode(rgb), instruction)

    def _instances(
        self, output: DetectorOutput, phrases: Sequence[Sequence[int]], height: int, width: int
    ) -> tuple[list[Instance], bool]:
        """Instances that score high enough, phrase by phrase; whether some phrase used every query."""
        scores = output.score_logits.float().sigmoid()
        kept = scores > self.model.config.score_threshold
        instances: list[Instance] = []
        for row, ids in enumerate(phrases):
            phrase = self.prompts.text(ids)
            found = []
            for slot in kept[row].nonzero()[:, 0].tolist():
                mask = _full_size(output.mask_logits[row, slot], height, width)
                if mask.any():
                    found.append(Instance(mask, tight_box(mask), float(scores[row, slot]), phrase))
            instances += without_duplicates(found, self.model.config.duplicate_iou)
        return instances, bool(kept.all(1).any())

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def load(
    model: str,
    device: str,
    *,
    dtype: Precision = "auto",
    threads: int | None = None,
    revision: str | None = None,
    offline: bool = False,
    score_threshold: float | None = None,
) -> InstructSamSegmenter:
    """Load "compact", a checkpoint folder or a hub id.

    device: "auto", "cpu", "cuda", "cuda:0", ... dtype: "auto" is bfloat16 on a GPU and float32 on a
    CPU, there with the compact model's image encoder in bfloat16 where the processor computes in it
    (that is how it was trained). threads: CPU threads of torch, for the whole process. revision, offline: see
    ``checkpoint_folder``. score_threshold: replaces the model's own. Raises CheckpointError for
    unusable weights and ConfigError for an unusable device or option.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    folder = checkpoint_folder(model, revision=revision, offline=offline)
    target = torch_device(device)
    loaded = load_folder(folder, torch_dtype(dtype, target), target)
    set_threshold(loaded, score_threshold)
    fast = dtype == "auto" and loaded.config.image_encoder == "pyramid" and _computes_bfloat16(target)
    return InstructSamSegmenter(loaded, PromptTokenizer.from_folder(folder, loaded.config), fast_encoder=fast)


def _computes_bfloat16(device: torch.device) -> bool:
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def set_threshold(model: InstructSam, score_threshold: float | None) -> None:
    """Replace the score that instances must exceed; None keeps it. Raises ConfigError outside 0..1."""
    if score_threshold is not None:
        try:
            model.config = dataclasses.replace(model.config, score_threshold=score_threshold)
        except ValueError as error:
            raise ConfigError(str(error)) from None


def torch_device(name: str) -> torch.device:
    """The device of a name, "auto" included. Raises ConfigError if this machine lacks it."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"no {name} here: torch sees {torch.cuda.device_count()} GPUs; use device auto or cpu"
        )
    return device


def torch_dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype of a name; "auto" suits the device. Raises ConfigError for others."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in known:
        raise ConfigError(f"unknown dtype {name!r}; use auto, {', '.join(known)}")
    return known[name]


def without_duplicates(instances: Sequence[Instance], limit: float) -> list[Instance]:
    """The instances, in order, less those that overlap a better-scoring one by an IoU over ``limit``."""
    kept: list[Instance] = []
    for instance in sorted(instances, key=lambda i: -i.score):
        if all(_iou(instance.mask, better.mask) <= limit for better in kept):
            kept.append(instance)
    return [i for i in instances if any(i is k for k in kept)]


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(a & b)) / max(int(np.count_nonzero(a | b)), 1)


def _full_size(mask_logits: Tensor, height: int, width: int) -> NDArray[np.bool_]:
    """Logits [h, w] resized bilinearly to the image and cut at 0: bool [height, width]."""
    resized = F.interpolate(mask_logits[None, None].float(), size=(height, width), mode="bilinear")
    mask: NDArray[np.bool_] = (resized[0, 0] > 0).cpu().numpy()
    return mask
