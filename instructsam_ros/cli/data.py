"""``instructsam data``: inspect, convert and generate annotated data sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from instructsam_ros.cli.arguments import positive_int, seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    inspect = actions.add_parser("inspect", help="read every image and mask, count and check them")
    _add_source(inspect)
    inspect.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a contact sheet of samples")
    inspect.add_argument("--samples", type=positive_int, default=24, help="samples on the sheet (default 24)")
    inspect.add_argument("--seed", type=seed, default=0, help="seed of the selection of samples")
    convert = actions.add_parser("convert", help="write data sets in another form")
    _add_source(convert)
    convert.add_argument("target", type=Path, metavar="TARGET", help="new folder")
    convert.add_argument(
        "--to", required=True, metavar="FORM", help="coco, hmpl, inst2seg, inst2seg_train, shards or visor"
    )
    generate = actions.add_parser("generate", help="have a language model write instructions about pictures")
    generate.add_argument(
        "engine", choices=("inst2seg", "hmpl"), help="from pictures; from pictures with masks"
    )
    generate.add_argument("config", type=Path, metavar="CONFIG", help="YAML file, see docs/data_engines.md")
    generate.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="other values for this run")
    generate.add_argument("--dry-run", action="store_true", help="print the estimate, and ask nothing")
    generate.add_argument(
        "--ray", default="", metavar="ADDRESS", help="work on Ray: local, auto or an address"
    )
    generate.add_argument("--workers", type=positive_int, default=2, help="of Ray (default 2)")


def run(args: argparse.Namespace) -> int:
    """Run an action."""
    return {"inspect": _inspect, "convert": _convert, "generate": _generate}[args.action](args)


def _inspect(args: argparse.Namespace) -> int:
    """Print a report. Status 1 where no sample is usable."""
    from instructsam_ros.training.data.inspection import inspect
    from instructsam_ros.training.data.registry import parse_source
    from instructsam_ros.training.data.sample_sheet import SampleSheet
    from instructsam_ros.visualization import check_image_path, write_image

    sheet = SampleSheet(args.samples, args.seed) if args.sheet else None
    if args.sheet:
        check_image_path(args.sheet)  # better now than after hours
    inspection = inspect(parse_source(args.source, args.format, training_file=True), sheet)
    print(inspection.report())
    if sheet and sheet.tiles:
        write_image(args.sheet, sheet.draw())
        print(f"written: {args.sheet}")
    return 0 if inspection.usable else 1


def _convert(args: argparse.Namespace) -> int:
    """Print the configuration that reads the new folder."""
    import yaml

    from instructsam_ros.training.data.conversion import convert
    from instructsam_ros.training.data.registry import parse_source

    settings, broken = convert(parse_source(args.source, args.format), args.target, args.to)
    if broken.problems:
        print(broken.summary())
    print(f"written: {args.target}, {broken.usable} instructions")
    print(yaml.safe_dump({"sets": [settings]}, sort_keys=False, width=1000), end="")
    return 0


def _generate(args: argparse.Namespace) -> int:
    """Print the report and the configuration that reads the data. Status 1 where a limit ended the run."""
    import yaml

    from instructsam_ros.training.data_engine.engines import load_engine
    from instructsam_ros.training.data_engine.generate import estimate, generate

    engine = load_engine(args.engine, args.config, args.overrides)
    if args.dry_run:
        print(estimate(engine))
        return 0
    if args.ray:
        from instructsam_ros.training.data_engine.ray_run import generate_on_ray

        source = (args.engine, args.config, tuple(args.overrides))
        report, sets = generate_on_ray(source, args.ray, args.workers)
    else:
        report, sets = generate(engine)
    print(f"{report['records']} records of {report['items']} items, {report['waiting']} items left")
    for reason, count in report["reasons"].items():
        print(f"  {count} dropped by {reason}")
    print(f"written: {engine.out / 'report.json'}")
    if sets:
        print(yaml.safe_dump({"sets": sets}, sort_keys=False, width=1000), end="")
    if report["stopped"]:
        print(report["stopped"])
    return 1 if report["stopped"] else 0


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=Path,
        metavar="PATH",
        help="YAML file with sets: [...] (inspect: a training file, too), or a path with --format",
    )
    parser.add_argument(
        "--format",
        nargs="+",
        default=[],
        metavar=("NAME", "KEY=VALUE"),
        help="format of PATH and other settings of its reader, e.g. inst2seg images=DIR",
    )
