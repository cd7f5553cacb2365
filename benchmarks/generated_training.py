"""The compact model after training on generated instructions, beside the same number of exact ones.

    python -m benchmarks.generated_training runs/scenes/train FILE --views 200 --rate 0.2

The Inst2Seg engine runs three times on the views, asking the scripted server of benchmarks/data_engines.py:
without errors ("exact"), and at the given rate of errors without and with its second look. Of each set as
many instructions are drawn as the smallest has. FILE is a training file, such as
config/training/finetune_50.yaml, whose ``data.sets`` is replaced and whose ``evaluation`` gives the figures.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import folder_name, positive_int, run
from benchmarks.data_engines import run_inst2seg
from benchmarks.scripted_answers import Scene
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.config import settings_from
from instructsam_ros.training.trainer import Trainer
from instructsam_ros.yaml_config import load_mapping

FIGURES = ("giou", "ap50", "no_target_accuracy", "target_accuracy")


def generated_sets(scenes: Sequence[Scene], root: Path, out: Path, rate: float) -> dict[str, dict[str, Any]]:
    """Run the engine for each row of the table into ``out``; return settings of readers by row."""
    rows = {"exact": (0.0, False), "errors": (rate, False), "errors, second look": (rate, True)}
    sets: dict[str, dict[str, Any]] = {}
    for row, (faults, second_look) in rows.items():
        folder = out / folder_name(row)
        _, _, (found,) = run_inst2seg(scenes, root, folder, faults, second_look)
        sets[row] = dict(found)
    return sets


def draw_equally(sets: Mapping[str, dict[str, Any]]) -> int:
    """Cut the annotation files to the number of instructions of the smallest; return it."""
    entries = {row: json.loads(Path(each["annotations"]).read_text()) for row, each in sets.items()}
    places = {
        row: [(i, j) for i, entry in enumerate(found) for j in range(len(entry["annotation"]))]
        for row, found in entries.items()
    }
    count = min(map(len, places.values()))
    for row, found in entries.items():
        order = np.random.default_rng(0).permutation(len(places[row]))
        kept = {places[row][int(k)] for k in order[:count]}
        drawn = [
            {**entry, "annotation": [item for j, item in enumerate(entry["annotation"]) if (i, j) in kept]}
            for i, entry in enumerate(found)
        ]
        Path(sets[row]["annotations"]).write_text(json.dumps([e for e in drawn if e["annotation"]]))
    return count


def train(file: Path, overrides: Sequence[str], data_set: Mapping[str, Any], out: Path) -> dict[str, float]:
    """Run a training file on a set; return the figures of its last evaluation."""
    values = load_mapping(file, overrides)
    data = {key: value for key, value in values["data"].items() if key != "roots"}
    values = {**values, "out": str(out), "data": {**data, "sets": [dict(data_set)]}}
    Trainer(settings_from(values, str(file))).run()
    with (out / "eval.csv").open(newline="") as found:
        return {key: float(value) for key, value in list(csv.DictReader(found))[-1].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenes", type=Path, help="folder written by `instructsam scenes render`")
    parser.add_argument("file", type=Path, help="training file")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings in place of the file's")
    parser.add_argument("--views", type=positive_int, default=200)
    parser.add_argument("--rate", type=float, default=0.2, help="of errors of the server")
    parser.add_argument("--out", type=Path, default=Path("runs/generated"))
    args = parser.parse_intermixed_args()
    paths = view_paths(args.scenes)[: args.views]
    scenes = [Scene(path.stem, load_view(path, depth=False)) for path in paths]
    sets = generated_sets(scenes, args.scenes, args.out, args.rate)
    print(f"{draw_equally(sets)} instructions each, about {len(scenes)} views", flush=True)
    print("| trained on | gIoU | AP50 | no-target acc. | target acc. |\n|---|---|---|---|---|", flush=True)
    for row, data_set in sets.items():
        run_folder = args.out / "training" / folder_name(row)
        figures = train(args.file, args.overrides, data_set, run_folder)
        print(f"| {row} | {' | '.join(f'{100 * figures[key]:.1f}' for key in FIGURES)} |", flush=True)


if __name__ == "__main__":
    run(main)
