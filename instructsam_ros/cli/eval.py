"""``instructsam eval``: score one or several models on an instruction-segmentation benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import instructsam_ros
from instructsam_ros.cli.model import MODEL_HELP
from instructsam_ros.errors import ConfigError, MissingDependencyError
from instructsam_ros.lifting import RefinementSettings
from instructsam_ros.segmenter import BACKENDS, load
from instructsam_ros.yaml_config import build, load_mapping, override, parse_mapping

HASH_DIGITS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file, its overrides and the options, which stand for keys of it."""
    parser.add_argument("file", nargs="?", help="evaluation file, see docs/training.md; or only options")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="right behind the file: settings in place of its own, e.g. limit=100",
    )
    parser.add_argument("--model", help=f"{MODEL_HELP}, in place of the models of the file (default compact)")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:0, ... (default auto)")
    parser.add_argument(
        "--model-options", metavar="YAML", help="further options of the backend, as a mapping"
    )
    parser.add_argument("--protocol", help="inst2seg, reasonseg, grefcoco, ... (default inst2seg)")
    parser.add_argument("--annotations", metavar="FILE")
    parser.add_argument("--images", metavar="DIR", help="folder of the image paths")
    parser.add_argument("--out", metavar="DIR", help="where the report goes")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N instructions")
    parser.add_argument("--worst", type=int, metavar="N", help="cases on the page (default 60)")
    parser.add_argument("--seed", type=int, help="seed of the confidence intervals (default 0)")


def settings_of(args: argparse.Namespace) -> Any:
    """Return the mapping that file, overrides and options come to."""
    file, overrides = args.file, args.overrides
    if file and "=" in file:  # no file, only overrides
        file, overrides = None, [file, *overrides]
    values = load_mapping(file, overrides) if file else override({}, overrides)
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: expected a mapping of settings")
    for name in ("protocol", "out", "limit", "worst", "seed"):
        if getattr(args, name) is not None:
            values[name] = getattr(args, name)
    data = {name: getattr(args, name) for name in ("annotations", "images") if getattr(args, name)}
    if data:
        values["data"] = {**(values.get("data") or {}), **data}
    if args.model or args.device or args.model_options:
        options = parse_mapping(args.model_options or "", "--model-options")
        if own := sorted(options.keys() & {"model", "device"}):
            raise ConfigError(f"--model-options: {', '.join(own)} has an argument of its own: --{own[0]}")
        model = {"model": args.model or "compact", "device": args.device or "auto", "options": options}
        values["models"] = [model]
    return values


def run(args: argparse.Namespace) -> int:
    """Answer the benchmark with every model, write the reports and print where they are."""
    try:
        from accelerate import PartialState

        from instructsam_ros.training.data.broken_records import BrokenRecords
        from instructsam_ros.training.evaluation.comparison import comparison, write_comparison
        from instructsam_ros.training.evaluation.evaluator import evaluate
        from instructsam_ros.training.evaluation.report import markdown, write_report
        from instructsam_ros.training.evaluation.settings import EvaluationFile
    except ImportError as error:
        raise MissingDependencyError(
            f"evaluation needs {error.name}; install it with: pip install 'instructsam-ros[training]'"
        ) from error
    settings = build(EvaluationFile, settings_of(args), args.file or "eval")
    settings.out.mkdir(parents=True, exist_ok=True)  # better now than hours into a run
    columns, found = settings.rules().columns, {}
    state = PartialState(cpu=all(model.device == "cpu" for model in settings.models) or None)
    for model in settings.models:
        broken = BrokenRecords()
        samples = settings.samples(broken)
        evaluation = evaluate(
            load(model.model, device=model.device, **(model.options or {})),
            samples,
            limit=settings.limit or None,
            worst=settings.worst,
            seed=settings.seed,
            broken=broken,
            process=state.process_index,
            processes=state.num_processes,
            refinement=RefinementSettings() if settings.refine_with_depth else None,
        )
        found[model.title] = evaluation.metrics
        if not state.is_main_process:
            continue
        about = {
            "model": model.title,
            "weights": weights_hash(model.model, model.options or {}),
            **versions(),
            "protocol": settings.protocol,
            **{name: str(value) for name, value in settings.data.items()},
            "refined with depth": "yes" if settings.refine_with_depth else "no",
            "images": str(evaluation.images),
            "instructions": str(evaluation.metrics.instructions),
            "repeated instructions": str(evaluation.repeated),
            "broken records": str(len(broken.problems)),
        }
        released = settings.rules().released(evaluation.scores)
        about |= {f"released {name}": f"{100 * value:.1f} %" for name, value in released.items()}
        folder = settings.out if len(settings.models) == 1 else settings.out / folder_name(model.title)
        write_report(evaluation, folder, about, columns)
        print(markdown(evaluation.metrics, about, columns))
        print(f"written: {folder / 'metrics.json'}, metrics.md and index.html (the worst cases)")
    if len(found) > 1 and state.is_main_process:
        write_comparison(found, columns, settings.out)
        print(comparison(found, columns))
    return 0


def weights_hash(model: str, options: Mapping[str, Any]) -> str:
    """Return the beginning of the SHA-256 of a model's tensors, as ``instructsam train --export`` prints it.

    Of a backend without a checkpoint folder it is "none".
    """
    from instructsam_ros.models.common.hub import checkpoint_folder
    from instructsam_ros.models.common.safetensors_folder import TensorFiles, weights_sha256

    known = {name: options[name] for name in ("revision", "offline") if name in options}
    if model in BACKENDS:
        return "none"
    with TensorFiles(checkpoint_folder(model, **known)) as tensors:
        return weights_sha256(tensors)[:HASH_DIGITS]


def versions() -> dict[str, str]:
    """Versions that figures depend on."""
    import torch
    import transformers

    return {
        "instructsam_ros": instructsam_ros.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def folder_name(title: str) -> str:
    """A model's name as the name of a folder."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in title).strip("._") or "model"
