"""Qwen3-VL in this process, by way of transformers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, Qwen3VLForConditionalGeneration

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.device import Precision, torch_device, torch_dtype
from instructsam_ros.models.common.hub import checkpoint_folder
from instructsam_ros.models.instructsam.two_tower_encoder import vision_patches
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import Message, Reply, Tool
from instructsam_ros.models.vlm.replies import read_calls, without_thoughts
from instructsam_ros.models.vlm.wire import tool_json
from instructsam_ros.segmenter import Cancel, raise_if_cancelled

MIN_PIXELS, MAX_PIXELS = 256 * 256, 1024 * 1024
IMAGE_TOKEN = "<|image_pad|>"


@dataclass(frozen=True)
class LocalChat:
    """ChatModel around a Qwen3-VL and its tokenizer. It answers greedily, one conversation at a time."""

    model: Any
    tokenizer: Any
    name: str = "Qwen3-VL"
    max_tokens: int = 4096
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """The model keeps positions of its last prompt."""

    @torch.inference_mode()
    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        spending: Spending | None = None,
        cancel: Cancel | None = None,
    ) -> Reply:
        """Answer the messages; see ChatModel.complete."""
        spending = spending or Spending(Budget(1, math.inf))
        raise_if_cancelled(cancel)
        spending.begin_call()
        inputs = self._inputs(messages, tools)
        length = inputs["input_ids"].shape[1]
        limit = min(self.max_tokens, max(1, spending.tokens_left))
        end = time.monotonic() + spending.seconds_left

        def stop(ids: Tensor, *_: Any, **__: Any) -> Tensor:
            over = time.monotonic() > end or (cancel is not None and cancel())
            return torch.full((len(ids),), over, device=ids.device)

        with self.lock:
            ids = self.model.generate(
                **inputs,
                max_new_tokens=limit,
                do_sample=False,
                stopping_criteria=[stop],
                pad_token_id=self.tokenizer.pad_token_id,
            )[0]
        raise_if_cancelled(cancel)
        spending.add_tokens(len(ids))
        spending.check()
        written = self.tokenizer.decode(ids[length:], skip_special_tokens=True)
        text, calls, errors = read_calls(without_thoughts(written))
        return Reply(text, tuple(calls), tuple(errors), len(ids) - length >= limit, len(ids))

    def _inputs(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Tensor]:
        """Write the prompt with a placeholder for every token of its pictures, and prepare the pictures."""
        vision = self.model.config.vision_config
        merge, device = vision.spatial_merge_size, self.model.device
        patches = [
            vision_patches(
                picture, vision.patch_size, merge, vision.temporal_patch_size, MIN_PIXELS, MAX_PIXELS
            )
            for message in messages
            for picture in message.pictures
        ]
        template = [_template_message(message) for message in messages]
        prompt = self.tokenizer.apply_chat_template(
            template,
            tools=[tool_json(tool) for tool in tools] or None,
            add_generation_prompt=True,
            tokenize=False,
        )
        first, *rest = prompt.split(IMAGE_TOKEN)
        if len(rest) != len(patches):
            raise CheckpointError(
                f"the chat template of {self.name} does not place pictures as Qwen3-VL's does"
            )
        counts = [int(grid.prod()) // merge**2 for _, grid in patches]
        prompt = first + "".join(IMAGE_TOKEN * n + text for n, text in zip(counts, rest, strict=True))
        ids = self.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"].to(device)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if patches:
            inputs["pixel_values"] = torch.cat([p for p, _ in patches]).to(device, self.model.dtype)
            inputs["image_grid_thw"] = torch.cat([grid for _, grid in patches]).to(device)
            inputs["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        return inputs


def _template_message(message: Message) -> dict[str, Any]:
    """Write a message as chat templates take it."""
    pictures = [{"type": "image"} for _ in message.pictures]
    # Not what a user wrote: it would count as a picture.
    text = message.text.replace(IMAGE_TOKEN, "")
    data: dict[str, Any] = {"role": message.role, "content": [*pictures, {"type": "text", "text": text}]}
    if message.call is not None and message.role == "assistant":
        function = {"name": message.call.name, "arguments": dict(message.call.arguments)}
        data["tool_calls"] = [{"type": "function", "function": function}]
    return data


def load_local(
    model: str,
    device: str = "auto",
    *,
    dtype: Precision = "auto",
    offline: bool = False,
    max_tokens: int = 4096,
) -> LocalChat:
    """Load a Qwen3-VL from a folder or hub id. dtype, offline: as for InstructSAM.

    Raises CheckpointError for unusable weights and ConfigError for an unusable device.
    """
    target, folder = torch_device(device), checkpoint_folder(model, offline=offline)
    try:
        config = AutoConfig.from_pretrained(folder)
        if config.model_type != "qwen3_vl":  # transformers would build a large one with random weights
            raise CheckpointError(f"{model} is a {config.model_type}, no Qwen3-VL; name one, or use a server")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        loaded, report = Qwen3VLForConditionalGeneration.from_pretrained(
            folder, config=config, dtype=torch_dtype(dtype, target), output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{model} cannot be loaded as a Qwen3-VL: {error}") from None
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"{model} is no whole Qwen3-VL; it lacks {', '.join(missing[:3])}, ...")
    if tokenizer.chat_template is None:
        raise CheckpointError(f"the tokenizer of {model} has no chat template; take an instruct model")
    return LocalChat(loaded.to(target).eval(), tokenizer, model, max_tokens)
