"""Convolutions of a TensorFlow.js graph model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.training.tfjs_weights import read_convolutions


def write_model(folder: Path) -> Path:
    """Two convolutions, the second with weights in half precision, in two weight files."""
    rng = np.random.default_rng(0)
    kernels = [
        rng.normal(size=(3, 3, 2, 4)).astype(np.float32),
        rng.normal(size=(1, 1, 4, 5)).astype(np.float16),
    ]
    biases = [np.arange(4, dtype=np.float32), np.arange(5, dtype=np.float16)]
    nodes, groups = [{"name": "input", "op": "Placeholder"}], []
    for number, suffix in ((1, "_1"), (0, "")):  # not in order
        parts = (kernels[number], biases[number].reshape(1, 1, 1, -1))
        half = {"quantization": {"dtype": "float16"}} if number else {}
        names = (f"k{number}", f"b{number}")
        (folder / f"{number}.bin").write_bytes(b"".join(part.tobytes() for part in parts))
        entries = [
            {"name": name, "shape": list(part.shape), "dtype": "float32", **half}
            for name, part in zip(names, parts, strict=True)
        ]
        groups.append({"paths": [f"{number}.bin"], "weights": entries})
        nodes.append({"name": f"convolution{suffix}", "op": "Conv2D", "input": ["x", names[0]]})
        nodes.append({"name": f"Add{suffix}", "op": "Add", "input": [f"convolution{suffix}", names[1]]})
    path = folder / "model.json"
    path.write_text(json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": groups}))
    np.savez(folder / "truth.npz", k0=kernels[0], k1=kernels[1], b0=biases[0], b1=biases[1])
    return path


def test_kernels_and_biases_come_in_the_order_of_the_graph(tmp_path: Path) -> None:
    found = read_convolutions(write_model(tmp_path))
    truth = np.load(tmp_path / "truth.npz")
    assert len(found) == 2
    for number, (kernel, bias) in enumerate(found):
        expected = truth[f"k{number}"].astype(np.float32).transpose(3, 2, 0, 1)
        assert torch.equal(kernel, torch.from_numpy(expected.copy()))
        assert torch.equal(bias, torch.from_numpy(truth[f"b{number}"].astype(np.float32)))


@pytest.mark.parametrize("damage", ["missing", "short", "no json", "other json"])
def test_damaged_files_are_named(tmp_path: Path, damage: str) -> None:
    path = write_model(tmp_path)
    if damage == "missing":
        (tmp_path / "1.bin").unlink()
    elif damage == "short":
        (tmp_path / "1.bin").write_bytes(b"12")
    else:
        path.write_text("{" if damage == "no json" else "{}")
    with pytest.raises(CheckpointError, match=r"model\.json is no usable TensorFlow\.js graph model"):
        read_convolutions(path)
