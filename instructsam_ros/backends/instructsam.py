"""InstructSAM behind the Segmenter contract."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from instructsam_ros.backends.joined_answers import join_answers
from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common.device import Precision, check_threads, torch_device, torch_dtype
from instructsam_ros.models.common.hub import adapter_folder, checkpoint_folder, tokenizer_folder
from instructsam_ros.models.cpu.free_threads import FreeThreads
from instructsam_ros.models.cpu.optimize import optimize_for_cpu
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.generation import Generation, Prefix
from instructsam_ros.models.instructsam.lora import load_merged
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.postprocessing import read_instances
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.models.instructsam.speed_options import SpeedOptions
from instructsam_ros.process_defaults import FREE_THREADS
from instructsam_ros.scenes.instructions.coordination import bare_phrase, coordinated_parts
from instructsam_ros.segmenter import Cancel, raise_if_cancelled
from instructsam_ros.types import (
    Instance,
    PhraseAnswer,
    Segmentation,
    Status,
    check_instruction,
    check_rgb,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedImage:
    """Instruction-independent data of one image: features, the beginning of the prompt with the image,
    the image's size in pixels, and the seconds of encoding.
    """

    features: ImageFeatures
    prefix: Prefix
    height: int
    width: int
    seconds: float


@dataclass(frozen=True, eq=False)
class DecodedSegmentation(Segmentation):
    """A Segmentation with data for the next frame of a stream: its instruction, its generation (token ids,
    and whole), and for how many consecutive frames that generation has been used; or the answers to its
    parts, where it names several kinds that are asked for one by one.
    """

    generated_ids: tuple[int, ...] = ()
    instruction: str = ""
    generation: Generation | None = None
    frames: int = 1
    parts: tuple[DecodedSegmentation, ...] = ()


@dataclass(frozen=True)
class InstructSamSegmenter:
    """Segmenter around one InstructSam model and its tokenizer; see Segmenter for the contract."""

    model: InstructSam
    prompts: PromptTokenizer
    name: str = "instructsam"
    reuse_frames: int = 1
    """See SpeedOptions."""
    free_threads: FreeThreads | None = None
    """None: torch's number of threads stays as it is."""

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.model.mask_queries.device

    @torch.inference_mode()
    def encode(self, rgb: NDArray[np.uint8]) -> EncodedImage:
        """Compute all that depends on a uint8 [H, W, 3] image alone: features and the instruction-independent
        part of the detector; on a GPU also the language model's state after the image, which elsewhere the
        first instruction computes in its first pass.
        """
        check_rgb(rgb)
        if self.free_threads is not None:
            self.free_threads.apply()
        start = time.perf_counter()
        encoder = self.model.image_encoder
        inputs = encoder.preprocess(rgb).to(self.device, encoder.dtype)
        features = self.model.start_image(inputs).readable(self.model.mask_queries.dtype)
        prefix = self.model.prefix(features, self.prompts.image_ids(features.tokens.shape[1]))
        if self.device.type == "cuda" and self.reuse_frames == 1:  # else a frame may never need it
            prefix.state()  # beside the pyramid
        prepared = self.model.detector.prepare(features.joined())
        self._wait()
        return EncodedImage(prepared, prefix, rgb.shape[0], rgb.shape[1], time.perf_counter() - start)

    @torch.inference_mode()
    def segment(
        self,
        features: EncodedImage,
        instruction: str,
        *,
        previous: Segmentation | None = None,
        cancel: Cancel | None = None,
    ) -> DecodedSegmentation:
        """Answer an instruction; see Segmenter.segment. previous: any Segmentation of this segmenter.

        A model with one phrase per answer is asked for each of several kinds ("the mugs and the bowl").
        """
        instruction = check_instruction(instruction)
        last = previous if isinstance(previous, DecodedSegmentation) else None
        parts = coordinated_parts(instruction) if self.model.config.one_phrase else ()
        if not parts:
            return self._answer(features, instruction, last, cancel)
        before = last.parts if last and last.instruction == instruction else (None,) * len(parts)
        answers = tuple(
            self._answer(features, part, earlier, cancel) for part, earlier in zip(parts, before, strict=True)
        )
        joined = join_answers(
            [bare_phrase(part) for part in parts], answers, self.model.config.nms_iou_threshold
        )
        return DecodedSegmentation(**vars(joined), instruction=instruction, parts=answers)

    def _answer(
        self,
        features: EncodedImage,
        instruction: str,
        last: DecodedSegmentation | None,
        cancel: Cancel | None,
    ) -> DecodedSegmentation:
        """Answer an instruction in one generation."""
        start = time.perf_counter()
        if last and last.generation and last.instruction == instruction and last.frames < self.reuse_frames:
            generation, frames = last.generation, last.frames + 1
        else:
            generation, frames = self._generate(features, instruction, last, cancel), 1
        phrases, queries = self.model.generated_phrases(generation)
        generated_at = time.perf_counter()
        raise_if_cancelled(cancel)
        instances: list[Instance] = []
        answers: list[PhraseAnswer] = []
        if phrases:
            output = self.model.segment_phrases(features.features, phrases, queries)
            texts, size = [self.prompts.text(phrase) for phrase in phrases], (features.height, features.width)
            instances, answers = read_instances(output, texts, size, self.model.config)
        partial = self._incomplete(generation) or any(a.status == Status.MAX_INSTANCES for a in answers)
        status = Status.MAX_INSTANCES if partial else Status.OK if instances else Status.NO_TARGET
        seconds = {
            "encode": features.seconds,
            "generate": generated_at - start,
            "masks": time.perf_counter() - generated_at,
        }
        text = self.prompts.text(generation.ids)
        return DecodedSegmentation(
            tuple(instances),
            text,
            status,
            MappingProxyType(seconds),
            tuple(answers),
            generated_ids=generation.ids,
            instruction=instruction,
            generation=generation,
            frames=frames,
        )

    def segment_image(self, rgb: NDArray[np.uint8], instruction: str) -> DecodedSegmentation:
        """``segment(encode(rgb), instruction)``."""
        return self.segment(self.encode(rgb), instruction)

    def _generate(
        self,
        features: EncodedImage,
        instruction: str,
        last: DecodedSegmentation | None,
        cancel: Cancel | None,
    ) -> Generation:
        """Run the language model. The generation of the last frame, or else the instruction as the one
        phrase, is verified as a draft in one pass.
        """
        self.prompts.warn_of_unknown_words(instruction)
        draft = last.generated_ids if last else self.prompts.phrase_generation(instruction)
        generation = self.model.generate(
            features.features,
            [*features.prefix.ids, *self.prompts.instruction_ids(instruction)],
            prefix=features.prefix,
            previous_ids=draft,
            cancel=cancel,
        )
        fault = self._incomplete(generation)
        if fault and generation.ids != draft:  # once for an active instruction
            logger.warning("the answer to %r %s; it may lack instances", instruction, fault)
        return generation

    def _incomplete(self, generation: Generation) -> str:
        """Say what a generation lacks; nothing if it is complete."""
        tokens, ids = self.model.config.tokens, generation.ids
        if ids[-1] not in tokens.eos:
            return f"was cut off after {len(ids)} tokens (max_new_tokens)"
        answered = generation.blocks[-1] + 1 if generation.blocks else 0
        return "begins a phrase that it does not end" if tokens.ref_start in ids[answered:] else ""

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
    adapter: str | None = None,
    score_threshold: float | None = None,
    inference_mode: str | dict[str, Any] | None = None,
    speed_options: Mapping[str, Any] | None = None,
    cpu_optimizations: bool = True,
) -> InstructSamSegmenter:
    """Load a shipped model (paths.SHIPPED_MODELS), a checkpoint folder or a hub id.

    device: "auto", "cpu", "cuda", "cuda:0", ... dtype: "auto" is bfloat16 on a GPU and on a CPU that
    computes in it, float32 on other CPUs. threads: CPU threads of torch, for the whole process; None is
    torch's own number or, with INSTRUCTSAM_THREADS=free (the default of our programs), as many as other
    processes leave cores free.
    revision, offline: see ``checkpoint_folder``. adapter: a folder with a LoRA adapter for this model, which
    is merged as ``instructsam weights merge`` does.
    score_threshold: replaces the model's own thresholds. inference_mode: replaces the model's own, see
    ``read_inference_mode``. speed_options: fields of SpeedOptions. cpu_optimizations: whether to apply
    ``optimize_for_cpu``, which changes results by rounding only and, on a CPU, the memory allocation of this
    process. Raises CheckpointError for unusable weights and ConfigError for an unusable device or option.
    """
    if threads is not None:
        check_threads(threads, 1)
        torch.set_num_threads(threads)
    options = SpeedOptions.read(speed_options)
    target = torch_device(device)
    folder = checkpoint_folder(model, revision=revision, offline=offline)
    added = [] if adapter is None else [adapter_folder(adapter)]
    config = options.apply_to_config(InstructSamConfig.from_folder(folder, *added))
    if config.instance_decoding != "parallel":
        raise ConfigError(f"{folder} writes [SEG] tokens; load it with the backend seg_token")
    if inference_mode is not None:
        config = dataclasses.replace(config, inference_mode=inference_mode)
    precision = torch_dtype(dtype, target)
    if added:
        loaded = load_merged(folder, added[0], precision, target, config)
    else:
        loaded = load_folder(folder, precision, target, config)
    if cpu_optimizations:
        optimize_for_cpu(loaded)
    set_threshold(loaded, score_threshold)
    kind = InstructSamSegmenter
    if config.detector == "pointer":
        from instructsam_ros.backends import pointer_prompts  # which imports this module

        kind = pointer_prompts.PointerSegmenter
    return kind(
        loaded,
        PromptTokenizer.from_folder(tokenizer_folder(folder, *added), config),
        reuse_frames=options.reuse_frames,
        free_threads=FreeThreads() if threads is None and os.environ.get(FREE_THREADS) == "free" else None,
    )


def set_threshold(model: InstructSam, score_threshold: float | None) -> None:
    """Replace the model's own thresholds by a score that instances must exceed; None keeps them.

    Raises ConfigError outside 0..1.
    """
    if score_threshold is not None:
        try:
            model.config = dataclasses.replace(
                model.config, score_threshold=score_threshold, presence_threshold=0.0
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"score_threshold {score_threshold!r}: {error}") from None
