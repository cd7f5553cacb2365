"""The ONNX backend: results equal to those of torch, and errors for unusable folders."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.errors import CheckpointError, ConfigError, MissingDependencyError
from instructsam_ros.models.common.onnx_session import EXPORT_ID
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.segmenter import load
from instructsam_ros.types import Segmentation

torch.set_num_threads(1)
onnxruntime = pytest.importorskip("onnxruntime")
TWO_PHRASES = [508, 1, 2, 509, 20, 508, 5, 6, 509, 511]


def answer(segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Segmentation:
    """Segment with a generation of two phrases, which random weights would rarely give."""
    decode = segmenter.model.generate

    def scripted(*args: Any, **kwargs: Any) -> Generation:
        return decode(*args, **{**kwargs, "choose": lambda step, _logits: TWO_PHRASES[step]})

    with monkeypatch.context() as patch:
        patch.setattr(segmenter.model, "generate", scripted)
        return segmenter.segment_image(rgb, "red mug and blue bowl")


@pytest.mark.parametrize("size", [(50, 70), (20, 200)])
def test_answers_equal_those_of_torch(
    export_source: Path, tiny_export: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    options = {"device": "cpu", "score_threshold": 0.0, "dtype": "float32"}
    torch_answer = answer(load(str(export_source), **options), rgb, monkeypatch)
    onnx_answer = answer(load(str(tiny_export), backend="onnx", threads=1, **options), rgb, monkeypatch)
    assert len(torch_answer.instances) > 10
    assert onnx_answer.status == torch_answer.status
    assert onnx_answer.answer == torch_answer.answer
    for ours, theirs in zip(onnx_answer.instances, torch_answer.instances, strict=True):
        assert ours.phrase == theirs.phrase
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)
        assert (ours.mask != theirs.mask).mean() < 1e-3


def test_no_weight_of_the_exported_parts_is_kept_in_torch(tiny_export: Path) -> None:
    segmenter = load(str(tiny_export), backend="onnx", device="cpu")
    assert segmenter.name == "onnx"
    parts = segmenter.model.image_encoder, segmenter.model.detector
    assert not [name for part in parts for name, _ in part.named_parameters()]


def test_pixels_are_not_rounded_for_a_language_part_in_half_precision(tiny_export: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    fine, half = (
        load(str(tiny_export), backend="onnx", device="cpu", dtype=dtype).encode(rgb).features
        for dtype in ("float32", "bfloat16")
    )
    assert all(map(torch.equal, fine.fpn, half.fpn))
    assert half.tokens.dtype == torch.bfloat16


def test_a_language_part_in_half_precision_runs(tiny_export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = load(str(tiny_export), backend="onnx", device="cpu", dtype="bfloat16", score_threshold=0.0)
    assert (
        answer(segmenter, np.full((30, 40, 3), 90, np.uint8), monkeypatch).answer == "red mug w20 blue bowl"
    )


def test_a_folder_that_was_not_exported_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="instructsam export onnx"):
        load(str(tiny_folder), backend="onnx", device="cpu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("detector.onnx", b"no graph", "cannot load .*detector.onnx"),
        ("detector.onnx.data", None, "cannot load .*detector.onnx"),
        ("model.safetensors", None, "model.safetensors"),
        ("model.safetensors", b"", "damaged or incomplete"),
    ],
)
def test_damaged_folders_are_named(
    tiny_export: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    folder = shutil.copytree(tiny_export, tmp_path / "copy")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load(str(folder), backend="onnx", device="cpu")


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("detector.onnx", r"detector\.onnx"),
        ("image_encoder.onnx", r"image_encoder\.onnx"),
        ("model.safetensors", r"image_encoder\.onnx"),
    ],
)
def test_a_part_of_another_export_is_refused(
    tiny_export: Path, tmp_path: Path, part: str, named: str
) -> None:
    onnx = pytest.importorskip("onnx")
    folder = shutil.copytree(tiny_export, tmp_path / "copy")
    if part.endswith(".onnx"):
        graph = onnx.load(folder / part, load_external_data=False)
        graph.metadata_props[0].value += "0"
        onnx.save(graph, folder / part)
    else:
        save_file(load_file(folder / part), folder / part, {EXPORT_ID: "another"})
    with pytest.raises(CheckpointError, match=f"{named} is not of one export with the rest"):
        load(str(folder), backend="onnx", device="cpu")


def test_a_graph_in_the_place_of_another_is_refused(tiny_export: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_export, tmp_path / "copy")
    shutil.copy(folder / "detector.onnx", folder / "image_encoder.onnx")
    with pytest.raises(CheckpointError, match=r"image_encoder\.onnx is not of one export"):
        load(str(folder), backend="onnx", device="cpu")


def test_a_graph_of_something_else_is_refused(tiny_export: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    folder = shutil.copytree(tiny_export, tmp_path / "copy")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, [1]) for name in "xy"]
    node = onnx.helper.make_node("Abs", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "other", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), folder / "detector.onnx")
    with pytest.raises(CheckpointError, match=r"detector\.onnx is no graph of an exported model"):
        load(str(folder), backend="onnx", device="cpu")


def test_tensors_that_are_missing_are_listed(tiny_export: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_export, tmp_path / "copy")
    with TensorFiles(folder) as files:
        metadata = files.metadata()
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.mask_queries"]
    save_file(tensors, folder / "model.safetensors", metadata)
    with pytest.raises(CheckpointError, match=r"lacks tensors:\n  model.mask_queries$"):
        load(str(folder), backend="onnx", device="cpu")


@pytest.mark.parametrize(
    ("device", "options", "message"),
    [
        ("gpu", {}, "unknown device"),
        ("cuda:99", {}, "no cuda:99"),
        ("cpu", {"fp16": True}, "device tensorrt"),
        ("cpu", {"dtype": "int8"}, "unknown dtype"),
        ("cpu", {"score_threshold": 2.0}, "score_threshold"),
    ],
)
def test_unusable_options(tiny_export: Path, device: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(str(tiny_export), backend="onnx", device=device, **options)


def test_a_missing_runtime_is_named(tiny_export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"onnxruntime.*instructsam-ros\[onnx\]"):
        load(str(tiny_export), backend="onnx", device="cpu")
