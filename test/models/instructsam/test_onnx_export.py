"""Exported graphs: every dimension that may vary does, and the report tells the truth."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, InvalidInputError, MissingDependencyError
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam import onnx_export
from instructsam_ros.models.instructsam.checkpoint import load_folder, save_folder
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.onnx_export import Parity, export
from instructsam_ros.results import write_png

torch.set_num_threads(1)
onnx = pytest.importorskip("onnx")


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_the_graphs_are_valid_and_name_their_dimensions(tiny_export: Path) -> None:
    onnx.checker.check_model(tiny_export / "image_encoder.onnx")
    onnx.checker.check_model(tiny_export / "detector.onnx")
    graph = onnx.load(tiny_export / "detector.onnx", load_external_data=False).graph
    dims = {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.input}
    assert dims["phrase_mask"] == ["phrases", "length"]
    assert dims["queries"][0] == "phrases"


def test_the_folder_keeps_only_what_stays_in_torch(export_source: Path, tiny_export: Path) -> None:
    with TensorFiles(export_source) as before, TensorFiles(tiny_export) as after:
        kept = {name for name in before if ".visual." not in name and ".grounding_model." not in name}
        assert set(after) == kept
        assert all(torch.equal(before[name], after[name]) for name in kept)


def test_an_exported_folder_names_its_backend_when_loaded_without_it(tiny_export: Path) -> None:
    with pytest.raises(CheckpointError, match=r"export for ONNX Runtime.* backend onnx"):
        load_folder(tiny_export)


def test_the_report_covers_every_output(tiny_export: Path) -> None:
    report = json.loads((tiny_export / "parity.json").read_text())
    assert {row["images"] for row in report["outputs"]} == {"random", "pictures"}
    outputs = {row["output"] for row in report["outputs"]}
    assert {"tokens", "deepstack_0", "fpn_0", "fpn_2", "mask_logits", "score_logits", "boxes"} <= outputs
    for row in report["outputs"]:
        assert Parity(**row).equal
        assert row["largest"] > 0


def test_an_export_that_breaks_off_leaves_the_earlier_one(
    export_source: Path, tiny_export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(tiny_export, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_export, "_write_graph", lambda *args: args[2].touch())
    monkeypatch.setattr(onnx_export, "_compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(export_source, out)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_graphs_come_first_and_weights_last(
    export_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that an export killed on its last step leaves parts whose ids differ."""
    moved: list[str] = []
    monkeypatch.setattr(onnx_export, "put_in_place", lambda _, path: moved.append(path.name))
    monkeypatch.setattr(onnx_export, "_write_graph", lambda *args: args[2].touch())
    monkeypatch.setattr(onnx_export, "_compare", lambda *args: iter(()))
    export(export_source, tmp_path)
    assert set(moved[:2]) == {"image_encoder.onnx", "detector.onnx"}
    assert moved[-1] == "model.safetensors"


def test_terms_and_small_files_go_along(
    export_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(export_source, tmp_path / "weights")
    kept = {
        "LICENSE": "Terms",
        "NOTICE": "Names",
        "chat_template.jinja": "{{ x }}",
        "generation_config.json": "{}",
    }
    for name, text in {**kept, "parity.json": "of an earlier export"}.items():
        (folder / name).write_text(text)
    (folder / "config.json").write_text(
        json.dumps(json.loads((folder / "config.json").read_text()) | {"theirs": 7})
    )
    monkeypatch.setattr(onnx_export, "_write_graph", lambda *args: args[2].touch())
    monkeypatch.setattr(onnx_export, "_compare", lambda *args: iter(()))
    export(folder, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_text() for name in kept} == kept
    assert json.loads((tmp_path / "out" / "config.json").read_text())["theirs"] == 7
    assert json.loads((tmp_path / "out" / "parity.json").read_text())["outputs"] == []


def test_more_than_rounding_is_not_equal() -> None:
    rounding = Parity("detector", "boxes", "random", 1e-6, 0.9)
    wrong = Parity("detector", "mask_logits", "random", 0.2, 100.0)
    assert rounding.equal
    assert not wrong.equal


def test_a_missing_exporter_is_named(
    export_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingDependencyError, match=r"onnxscript.*instructsam-ros\[onnx\]"):
        export(export_source, tmp_path)


def test_the_checkpoint_is_not_written_over(export_source: Path) -> None:
    with pytest.raises(InvalidInputError, match="is the checkpoint itself"):
        export(export_source, export_source / ".")


def test_the_compact_parts_export(
    compact_model: InstructSam, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save_folder(compact_model, tmp_path / "weights", tokenizer="{}")
    write_png(tmp_path / "images" / "one.png", picture(50, 60))
    arguments = [str(tmp_path / "weights"), str(tmp_path / "out"), "--images", str(tmp_path / "images")]
    assert main(["export", "onnx", *arguments]) == 0
    printed = capsys.readouterr().out
    assert printed.count("mask_logits") == 2
    assert printed.endswith(f"written: {tmp_path / 'out'}\n")
