"""``instructsam eval``: score a model on an instruction-segmentation benchmark."""

from __future__ import annotations

import argparse
from pathlib import Path

from instructsam_ros.cli.model import add_model_arguments, load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_model_arguments(parser)
    parser.add_argument("--protocol", choices=("inst2seg",), default="inst2seg", help="form of the benchmark")
    parser.add_argument("--annotations", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of the image paths")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the report goes")
    parser.add_argument("--limit", type=positive_int, metavar="N", help="only the first N instructions")
    parser.add_argument(
        "--worst", type=positive_int, default=60, metavar="N", help="cases on the page (default 60)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the confidence intervals")


def run(args: argparse.Namespace) -> int:
    """Read the benchmark, answer it, write the report and print where it is."""
    from instructsam_ros.training.data.broken_records import BrokenRecords
    from instructsam_ros.training.data.registry import parse_data_set
    from instructsam_ros.training.evaluation.evaluator import evaluate
    from instructsam_ros.training.evaluation.report import markdown, write_report

    args.out.mkdir(parents=True, exist_ok=True)  # better now than hours into a run
    values = {"format": args.protocol, "annotations": args.annotations, "images": args.images}
    broken = BrokenRecords()
    samples = parse_data_set(values, "eval").read(broken)
    segmenter = load_model(args)
    evaluation = evaluate(
        segmenter, samples, limit=args.limit, worst=args.worst, seed=args.seed, broken=broken
    )
    about = {
        "model": f"{args.model} {args.model_options}".strip(),
        "protocol": args.protocol,
        "annotations": args.annotations.name,
        "images": str(evaluation.images),
        "instructions": str(evaluation.metrics.instructions),
        "broken records": str(len(broken.problems)),
    }
    write_report(evaluation, args.out, about)
    print(markdown(evaluation.metrics, about))
    print(f"written: {args.out / 'metrics.json'}, metrics.md and index.html (the worst cases)")
    return 0


def seed(text: str) -> int:
    """Parse a seed of numpy."""
    if (value := int(text)) < 0:
        raise ValueError  # argparse prints the usage
    return value


def positive_int(text: str) -> int:
    """Parse a positive number."""
    if (value := int(text)) < 1:
        raise ValueError  # argparse prints the usage
    return value
