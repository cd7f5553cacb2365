"""``instructsam weights``: check a checkpoint folder, or merge a LoRA adapter into one."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two actions: check FOLDER, merge FOLDER ADAPTER OUTPUT."""
    actions = parser.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="compare every tensor's name and shape with config.json")
    check.add_argument("folder", type=Path)
    merge = actions.add_parser("merge", help="merge a peft LoRA adapter and write a complete folder")
    merge.add_argument("folder", type=Path, help="checkpoint that the adapter was trained on")
    merge.add_argument("adapter", type=Path, help="folder with adapter_config.json")
    merge.add_argument("output", type=Path)


def run(args: argparse.Namespace) -> int:
    """Exit status 0, or 1 when a checked folder does not fit."""
    return _check(args.folder) if args.action == "check" else _merge(args.folder, args.adapter, args.output)


def _check(folder: Path) -> int:
    from instructsam_ros.models.instructsam.checkpoint import check_folder

    problems = check_folder(folder).problems
    if not problems:
        print(f"{folder}: every tensor is there and fits")
        return 0
    print(f"{folder}: {len(problems)} problems")
    for problem in problems:
        print(f"  {problem}")
    return 1


def _merge(folder: Path, adapter: Path, output: Path) -> int:
    from instructsam_ros.models.instructsam.checkpoint import build_model, save_folder
    from instructsam_ros.models.instructsam.config import InstructSamConfig
    from instructsam_ros.models.instructsam.lora import merge_lora
    from instructsam_ros.models.instructsam.tensor_files import TensorFiles

    with TensorFiles(folder) as files:
        tensors = merge_lora(dict(files), adapter)
    dtype = tensors["model.mask_queries"].dtype
    model = build_model(InstructSamConfig.from_folder(folder), tensors, f"{folder} with {adapter}", dtype)
    tokenizer = folder / "tokenizer.json"
    save_folder(model, output, tokenizer.read_text(encoding="utf-8") if tokenizer.exists() else None)
    print(f"wrote {output}")
    return 0
