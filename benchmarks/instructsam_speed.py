"""Plain procedure against shared and confirmed work, side by side, with equal results.

The plain procedure does for every instruction what the published evaluation does: encode the image
with both towers, run the whole prompt, generate token by token, detect. This package encodes an image
once for all instructions, keeps the language model's state behind the image, and checks the previous
frame's answer in one pass instead of writing it again. Weights are random, so the model is made to
give a fixed answer; every comparison first asserts that tokens are the same and masks agree.

    python benchmarks/instructsam_speed.py                      # tiny, any machine
    python benchmarks/instructsam_speed.py --size 2b --device cuda --dtype bfloat16
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.models.instructsam.checkpoint import build_model, expected_tensors
from instructsam_ros.models.instructsam.config import InstructSamConfig
from instructsam_ros.models.instructsam.decode import Answer
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.model import InstructSam
from instructsam_ros.paths import share
from instructsam_ros.settings import load_yaml

TINY_LANGUAGE = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 100000.0,
        "mrope_section": [12, 10, 10],
        "mrope_interleaved": True,
    },
}
TINY_VISION = {
    "depth": 4,
    "hidden_size": 192,
    "intermediate_size": 768,
    "num_heads": 3,
    "out_hidden_size": 256,
    "num_position_embeddings": 196,
    "deepstack_visual_indexes": [1, 2],
}
TINY_LAYERS = {"hidden_size": 128, "num_attention_heads": 4}
TINY_DETR = {**TINY_LAYERS, "num_layers": 3, "intermediate_size": 512, "dropout": 0.0}
TINY_SAM = {
    "vision_config": {
        "backbone_config": {
            "model_type": "sam3_vit_model",
            "hidden_size": 192,
            "intermediate_size": 768,
            "num_hidden_layers": 6,
            "num_attention_heads": 3,
            "image_size": 224,
            "patch_size": 14,
            "window_size": 8,
            "global_attn_indexes": [2, 5],
            "pretrain_image_size": 224,
        },
        "fpn_hidden_size": 128,
        "backbone_feature_sizes": [[64, 64], [32, 32], [16, 16]],
    },
    "geometry_encoder_config": TINY_DETR,
    "detr_encoder_config": TINY_DETR,
    "detr_decoder_config": TINY_DETR,
    "mask_decoder_config": {**TINY_LAYERS, "dropout": 0.0},
}
PHRASES = ((1001, 1002), (1003, 1004, 1005))  # any words
QUESTION = tuple(range(2000, 2012))
MASK_DISAGREEMENT = 1e-3  # share of pixels, from rounding in another order


@dataclasses.dataclass(frozen=True)
class Bench:
    """A model that gives one fixed answer about any image."""

    model: InstructSam

    def answer_ids(self) -> list[int]:
        tokens = self.model.config.tokens
        ids = [token for phrase in PHRASES for token in (tokens.ref_start, *phrase, tokens.ref_end, 11)]
        return [*ids[:-1], tokens.eos[0]]

    def prompt(self, features: ImageFeatures) -> list[int]:
        tokens = self.model.config.tokens
        image = [tokens.image] * features.tokens.shape[1]
        return [100, 101, 102, tokens.vision_start, *image, tokens.vision_end]

    def encode(self, rgb: NDArray[np.uint8]) -> ImageFeatures:
        weights = self.model.mask_queries
        inputs = self.model.image_encoder.preprocess(rgb).to(weights.device, weights.dtype)
        return self.model.encode_image(inputs)

    def answer(self, features: ImageFeatures, **shared: object) -> Answer:
        """Decode as usual, the argmax included, but take the next word of the fixed answer."""
        fixed = self.answer_ids()

        def choose(step: int, logits: Tensor) -> int:
            int(logits.argmax())
            return fixed[step]

        return self.model.answer(
            features,
            [*self.prompt(features), *QUESTION],
            choose=choose,
            **shared,  # type: ignore[arg-type]
        )

    def detect(self, features: ImageFeatures, answer: Answer) -> DetectorOutput:
        return self.model.segment_phrases(features, *self.model.answered_phrases(answer))


def random_model(config: InstructSamConfig, device: str, dtype: torch.dtype) -> InstructSam:
    """Weights of a scale that keeps activations finite; norms start at one."""
    generator = torch.Generator().manual_seed(0)

    def weight(name: str, shape: tuple[int, ...]) -> Tensor:
        noise = torch.randn(shape, generator=generator, dtype=dtype) * 0.05
        return noise + 1 if len(shape) == 1 and name.endswith("weight") else noise

    required, _ = expected_tensors(config)
    tensors = {name: weight(name, shape) for name, shape in required.items()}
    return build_model(config, tensors, "random weights", dtype, device)


def median_ms(procedures: dict[str, Callable[[], object]], repeats: int, device: str) -> dict[str, float]:
    """Median of each, taking turns, so that other work on the machine meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in procedures}
    for _ in range(repeats):
        for name, work in procedures.items():
            start = time.perf_counter()
            work()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def assert_equal(plain: tuple[Answer, DetectorOutput], ours: tuple[Answer, DetectorOutput]) -> None:
    if plain[0].ids != ours[0].ids:
        raise SystemExit("the answers differ; do not trust the times")
    disagreement = ((plain[1].mask_logits > 0) != (ours[1].mask_logits > 0)).float().mean().item()
    if disagreement > MASK_DISAGREEMENT:
        raise SystemExit(f"{disagreement:.2%} of mask pixels differ; do not trust the times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=["tiny", "2b"], default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = load_yaml(InstructSamConfig, share("config", "models", "2b.yaml"))
    if args.size == "tiny":
        language, vision = {**config.language, **TINY_LANGUAGE}, {**config.vision, **TINY_VISION}
        config = dataclasses.replace(config, language=language, vision=vision, sam=TINY_SAM, out_dim=128)
    bench = Bench(random_model(config, args.device, getattr(torch, args.dtype)))
    rgb = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)

    def plain() -> tuple[Answer, DetectorOutput]:
        features = bench.encode(rgb)
        answer = bench.answer(features)
        return answer, bench.detect(features, answer)

    def stream_frame() -> tuple[Answer, DetectorOutput]:
        features = bench.encode(rgb)
        answer = bench.answer(features, previous_ids=bench.answer_ids())
        return answer, bench.detect(features, answer)

    with torch.inference_mode():
        features = bench.encode(rgb)
        prefix = bench.model.prefix(features, bench.prompt(features))

        def second_instruction() -> tuple[Answer, DetectorOutput]:
            answer = bench.answer(features, prefix=prefix)
            return answer, bench.detect(features, answer)

        def same_question() -> tuple[Answer, DetectorOutput]:
            answer = bench.answer(features, prefix=prefix, previous_ids=bench.answer_ids())
            return answer, bench.detect(features, answer)

        procedures = {
            "plain, every instruction": plain,
            "standing instruction, next frame of a stream": stream_frame,
            "second instruction on an image": second_instruction,
            "same instruction on an image again": same_question,
        }
        reference = plain()
        for procedure in procedures.values():
            assert_equal(reference, procedure())
        times = median_ms(procedures, args.repeats, args.device)
    where = (
        torch.cuda.get_device_name() if args.device.startswith("cuda") else f"CPU, {args.threads} thread(s)"
    )
    print(f"{args.size}, {args.dtype}, {where}; 640x480, 2 phrases, {len(bench.answer_ids())} tokens")
    slowest = times["plain, every instruction"]
    for name, ms in times.items():
        print(f"{name:47s} {ms:9.1f} ms   {slowest / ms:4.1f}x")


if __name__ == "__main__":
    main()
