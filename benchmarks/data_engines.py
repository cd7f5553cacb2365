"""Precision, recall and cost of the data engines against the error rate of the language model.

    python -m benchmarks.data_engines runs/scenes/validation --views 30

A scripted server (scripted_vlm.py) knows the rendered views and errs at the given rates. Precision: of the
kept instructions, those that mean what they should and whose instances have an IoU of 0.5 with the truth.
"before": the share of instructions about which the server said nothing wrong, which is the precision without
filters. Recall: of these, those kept; for HMPL of the objects, those with a true description. Inst2Seg: wrong
boxes, counts and grounds, each at the rate, and wrong verdicts at half of it; masks come from the truth by
box (scripted_masks.py). HMPL: descriptions of another object and complex texts that name the target at the
rate, wrong answers of the inspector at half of it. Both: broken JSON and HTTP 429 at half of the rate.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import positive_int, run
from benchmarks.scripted_answers import Scene
from benchmarks.scripted_masks import ScriptedMasks
from benchmarks.scripted_vlm import Faults, ScriptedVlm
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.data.mask_codec import decode_masks, instance_rles
from instructsam_ros.training.data_engine.generate import generate
from instructsam_ros.training.data_engine.hmpl.config import HmplConfig
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine
from instructsam_ros.training.data_engine.inst2seg.config import Inst2SegConfig
from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine
from instructsam_ros.types import mask_iou
from instructsam_ros.yaml_config import build

RATES = (0.0, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Row:
    """A line of the table. before, precision, recall: shares. calls, tokens: of the whole run. retries: calls
    without a reply of the right form.
    """

    engine: str
    rate: float
    second_look: bool
    kept: int
    before: float
    precision: float
    recall: float
    calls: int
    retries: int
    tokens: int

    def __str__(self) -> str:
        look = "yes" if self.second_look else "no"
        shares = " | ".join(f"{100 * share:.1f}" for share in (self.before, self.precision, self.recall))
        counts = f"{self.calls} | {self.retries} | {self.tokens / max(1, self.kept):.0f}"
        return f"| {self.engine} | {self.rate:g} | {look} | {self.kept} | {shares} | {counts} |"


TITLES = (
    *("engine", "error rate", "second look", "kept", "before, %", "precision, %", "recall, %"),
    *("calls", "retries", "tokens each"),
)
HEAD = f"| {' | '.join(TITLES)} |\n{'|---' * len(TITLES)}|"


def run_inst2seg(
    scenes: Sequence[Scene], root: Path, folder: Path, rate: float, second_look: bool
) -> tuple[ScriptedVlm, dict[str, Any], list[dict[str, Any]]]:
    """Run the Inst2Seg engine on the views of a folder; return the server, the report and the sets in
    ``folder``.
    """
    half = rate / 2
    faults = Faults(box=rate, count=rate, ground=rate, verdict=half, broken=half, refused=half)
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for scene in scenes:
        (path,) = root.rglob(f"{scene.name}.jpg")
        (frames / path.name).write_bytes(path.read_bytes())
    with ScriptedVlm(scenes, faults).running() as server:
        values = {
            "frames": {"folder": str(frames), "cut": 0.0, "same": 0.0, "blur": 1.0},
            "filters": {"second_look": second_look},
            **_common(server, str(folder)),
        }
        engine = Inst2SegEngine(build(Inst2SegConfig, values), ScriptedMasks(scenes))
        report, sets = generate(engine, lambda _: None)
    return server, report, sets


def inst2seg_row(scenes: Sequence[Scene], root: Path, rate: float, second_look: bool) -> Row:
    """Run the Inst2Seg engine on the views of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        server, report, sets = run_inst2seg(scenes, root, Path(folder), rate, second_look)
        known = {scene.name: scene for scene in scenes}
        entries = json.loads(Path(sets[0]["annotations"]).read_text()) if sets else []
        kept, right, clean_kept = 0, 0, 0
        for entry in entries:
            scene = known[Path(entry["image"]).name.split(".")[0]]
            for item in entry["annotation"]:
                key = (scene.name, item["text"])
                kept += 1
                clean_kept += key not in server.answers.faulty
                right += _is_true(scene, server.answers.truth[key], item["ann"])
        asked = len(server.answers.truth)
        clean = asked - len(server.answers.faulty)
        used = sum(server.log.replies.values()) - server.log.broken
        return _row("Inst2Seg", rate, second_look, report, (kept, right, clean_kept), (asked, clean), used)


def hmpl_row(scenes: Sequence[Scene], root: Path, rate: float) -> Row:
    """Run the HMPL engine on the objects of the views of a folder."""
    half = rate / 2
    faults = Faults(mistaken=rate, named=rate, verdict=half, broken=half, refused=half)
    with tempfile.TemporaryDirectory() as folder, ScriptedVlm(scenes, faults).running() as server:
        sets = [{"format": "scenes", "root": str(root), "nouns": True}]
        values = {"sets": sets, "images": len(scenes), **_common(server, folder)}
        report, written = generate(HmplEngine(build(HmplConfig, values)), lambda _: None)
        faulty = {text for _, text in server.answers.faulty}
        content = json.loads(Path(written[0]["annotations"]).read_text()) if written else {"images": []}
        groups = [each["text_inst_input"] for each in content["images"]]
        wrong = sum(any(text in faulty for text in each["simple_query"]) for each in groups)
        described = len(server.answers.truth) // 4
        clean = described - len(faulty) // 4
        objects = report["items"] - sum("tiny" in each["reason"] for each in report["dropped"])
        used = sum(server.log.replies.values()) - server.log.broken
        kept = len(groups)
        shares = (kept, kept - wrong, min(kept - wrong, objects))
        row = _row("HMPL", rate, True, report, shares, (described, clean), used)
        return Row(**{**vars(row), "recall": (kept - wrong) / max(1, objects)})


def _common(server: ScriptedVlm, folder: str) -> dict[str, Any]:
    chat = {"url": server.url, "model": "scripted", "pause": 0.01, "retries": 20, "timeout": 60.0}
    return {"vlm": {"server": chat}, "out": f"{folder}/out", "limits": {"calls_per_minute": 1e6}}


def _row(
    engine: str,
    rate: float,
    second_look: bool,
    report: dict[str, Any],
    kept: tuple[int, int, int],
    asked: tuple[int, int],
    used: int,
) -> Row:
    calls, tokens = report["spent"]["calls"], report["spent"]["tokens"]
    precision, recall = kept[1] / max(1, kept[0]), kept[2] / max(1, asked[1])
    before = asked[1] / max(1, asked[0])
    return Row(engine, rate, second_look, kept[0], before, precision, recall, calls, calls - used, tokens)


def _is_true(scene: Scene, ids: Sequence[int], instances: Iterable[str] | None) -> bool:
    """Whether the instances are the objects, one for one."""
    height, width = scene.view.ids.shape
    rles = instance_rles([json.loads(each) for each in instances or ()] or None, height, width)
    masks = decode_masks(rles, height, width)
    if len(masks) != len(ids):
        return False
    truth = [scene.view.ids == each for each in ids]
    return all(max(mask_iou(mask, other) for other in truth) >= 0.5 for mask in masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenes", type=Path, help="folder written by `instructsam scenes render`")
    parser.add_argument("--views", type=positive_int, default=30)
    args = parser.parse_args()
    paths = view_paths(args.scenes)[: args.views]
    scenes = [Scene(path.stem, load_view(path, depth=False)) for path in paths]
    print(HEAD, flush=True)
    for rate in RATES:
        for second_look in (False, True):
            print(inst2seg_row(scenes, args.scenes, rate, second_look), flush=True)
    for rate in RATES:
        print(hmpl_row(scenes, args.scenes, rate), flush=True)


if __name__ == "__main__":
    run(main)
