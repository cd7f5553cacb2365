"""Weights of a TensorFlow.js graph model, read without TensorFlow."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instructsam_ros.errors import CheckpointError

DTYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "bool": np.bool_}


def read_convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Read kernels [O, I, h, w] and biases [O], float32, in the order in which the graph numbers them.

    path: the model's JSON file; the weight files lie beside it. Raises CheckpointError for files that are
    missing, damaged or of another kind.
    """
    try:
        model = json.loads(path.read_text())
        nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        weights = {
            name: values
            for group in model["weightsManifest"]
            for name, values in _group(path.parent, group).items()
        }
        kernels = sorted((name for name, node in nodes.items() if node["op"] == "Conv2D"), key=_number)
        return [_convolution(name, nodes, weights) for name in kernels]
    except (OSError, ValueError, KeyError, IndexError, TypeError, StopIteration) as error:
        raise CheckpointError(f"{path} is no usable TensorFlow.js graph model: {error!r}") from None


def _group(folder: Path, group: dict[str, Any]) -> dict[str, NDArray[Any]]:
    data = b"".join((folder / Path(name).name).read_bytes() for name in group["paths"])
    arrays, offset = {}, 0
    for entry in group["weights"]:
        dtype = np.dtype(DTYPES[entry.get("quantization", entry)["dtype"]])
        count = math.prod(entry["shape"])
        arrays[entry["name"]] = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
    return arrays


def _convolution(name: str, nodes: dict[str, Any], weights: dict[str, NDArray[Any]]) -> tuple[Tensor, Tensor]:
    """Find the kernel of a node and the bias that the node behind it adds."""
    kernel = weights[nodes[name]["input"][1]]
    adds = (node for node in nodes.values() if node["op"] in ("Add", "AddV2", "BiasAdd"))
    bias = next(node["input"][1] for node in adds if node["input"][0] == name)
    return (
        torch.from_numpy(kernel.astype(np.float32)).permute(3, 2, 0, 1).contiguous(),
        torch.from_numpy(weights[bias].astype(np.float32)).flatten(),
    )


def _number(name: str) -> int:
    last = name.rpartition("_")[2]
    return int(last) if last.isdigit() else 0
