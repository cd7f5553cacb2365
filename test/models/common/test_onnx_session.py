"""Sessions and providers of ONNX Runtime; what a machine or a graph lacks is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.models.common.onnx_session import CPU, CUDA, TENSORRT, GraphSession, providers_of

onnxruntime = pytest.importorskip("onnxruntime")


def test_inputs_that_a_graph_cannot_take_are_a_typed_error(tiny_export: Path) -> None:
    names = ("patches", "position_cells", "position_weights", "patch_positions", "pixels")
    session = GraphSession(tiny_export / "image_encoder.onnx")
    with pytest.raises(InstructSamError, match=r"cannot run .*image_encoder\.onnx"):
        session({name: torch.zeros(1) for name in names})


@pytest.mark.parametrize(
    ("device", "expected"),
    [("cuda:1", [CUDA, CPU]), ("tensorrt", [TENSORRT, CUDA, CPU])],
)
def test_providers_of_a_gpu(monkeypatch: pytest.MonkeyPatch, device: str, expected: list[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: expected)
    target, providers = providers_of(device, fp16=device == "tensorrt", cache=Path("engines"))
    assert target.type == "cuda"
    assert [name for name, _ in providers] == expected
    assert providers[0][1]["device_id"] == (1 if device == "cuda:1" else 0)
    if device == "tensorrt":
        assert providers[0][1]["trt_fp16_enable"]
        assert providers[0][1]["trt_engine_cache_path"] == "engines"


def test_a_missing_provider_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    with pytest.raises(ConfigError, match=r"no TensorrtExecutionProvider .*instructsam-ros\[gpu\]"):
        providers_of("tensorrt", fp16=False, cache=Path("engines"))
