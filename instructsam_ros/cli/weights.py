"""``instructsam weights``: check a checkpoint folder, merge a LoRA adapter into one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instructsam_ros.cli.model import MODEL_HELP

if TYPE_CHECKING:  # torch takes seconds to import
    from torch import Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add two actions: check MODEL, merge FOLDER ADAPTER OUTPUT."""
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="compare every tensor with config.json")
    check.add_argument("model", help=MODEL_HELP)
    merge = actions.add_parser("merge", help="merge a peft LoRA adapter and write a complete folder")
    merge.add_argument("folder", type=Path, help="checkpoint that the adapter was trained on")
    merge.add_argument("adapter", type=Path, help="folder with adapter_config.json")
    merge.add_argument("output", type=Path)


def run(args: argparse.Namespace) -> int:
    """Return exit status 0, or 1 when a checked folder does not fit."""
    if args.action == "check":
        return _check(args.model)
    return _merge(args.folder, args.adapter, args.output)


def _check(model: str) -> int:
    from instructsam_ros.errors import CheckpointError
    from instructsam_ros.models.common.hub import checkpoint_folder
    from instructsam_ros.models.common.safetensors_folder import EMBEDDING, TIED_HEAD, TensorFiles
    from instructsam_ros.models.instructsam.checkpoint import find_problems
    from instructsam_ros.models.instructsam.configuration import InstructSamConfig
    from instructsam_ros.models.instructsam.processing import PromptTokenizer

    folder = checkpoint_folder(model)
    config = InstructSamConfig.from_folder(folder)
    with TensorFiles(folder) as files:
        problems = [*files.problems, *find_problems(config, files)]
        stored = f"{len(files)} tensors in {', '.join(sorted(files.precisions()))}"
        head = "stored, too, and " if TIED_HEAD in files else ""
        if EMBEDDING in files.stored_as:
            head = "stored in place of the embedding, and "
    tokens = [f"{name} {value}" for name, value in config.tokens.pairs()]
    try:
        tokenizer = PromptTokenizer.from_folder(folder, config)
        tokens = [f"{name} {value} {tokenizer.token(value)}" for name, value in config.tokens.pairs()]
    except CheckpointError as error:
        problems.append(str(error))
    print(
        f"image encoder {config.image_encoder}, detector {config.detector}, "
        f"inference mode {config.inference_mode}"
    )
    print(f"{config.num_queries} mask queries, at most {config.max_new_tokens} tokens per answer")
    print("token ids: " + ", ".join(tokens))
    print(f"{stored}; the output head is {head}tied to the embedding")
    if not problems:
        print(f"{folder}: every tensor is there and fits, and so does the tokenizer")
        return 0
    print(f"{folder}: {len(problems)} problem{'s' * (len(problems) > 1)}")
    for problem in problems:
        print(f"  {problem}")
    return 1


def _merge(folder: Path, adapter: Path, output: Path) -> int:
    from instructsam_ros.models.common.safetensors_folder import TensorFiles
    from instructsam_ros.models.instructsam.lora import WHOLE_TENSORS, merge_lora, whole_tensor_files

    with TensorFiles(folder) as files:
        tensors, problems = merge_lora(dict(files), adapter), files.problems
    if not whole_tensor_files(adapter):
        print(f"{adapter} holds no {' or '.join(WHOLE_TENSORS)}, where trainers save what they train whole;")
        print("tensors that the adapter does not change equal those of the base model")
    return _write(tensors, output, (folder, adapter), f"{folder} with {adapter}", problems)


def _write(
    tensors: dict[str, Tensor], output: Path, like: Sequence[Path], what: str, problems: Sequence[str] = ()
) -> int:
    from instructsam_ros.models.instructsam.checkpoint import (
        build_model,
        expected_tensors,
        save_folder,
    )
    from instructsam_ros.models.instructsam.configuration import InstructSamConfig

    config = InstructSamConfig.from_folder(*like)
    model = build_model(config, tensors, what, dtype=None, problems=problems)
    unused = {name: tensors[name] for name in expected_tensors(config)[1] if name in tensors}
    save_folder(model, output, like=like, unused=unused)
    print(f"wrote {output}")
    return 0
