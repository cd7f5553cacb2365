"""ONNX Runtime for torch tensors: one graph in a session, and the execution providers of a device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from instructsam_ros.errors import CheckpointError, ConfigError, InstructSamError, MissingDependencyError
from instructsam_ros.models.common.device import torch_device

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ENGINES = "tensorrt"
"""Folder of TensorRT's engines in that of the export."""
EXPORT_ID = "instructsam_export"
"""Under this name the metadata of every part of an export hold one and the same id; a graph's begins with the
graph's name and a slash.
"""
Provider = tuple[str, dict[str, Any]]
_DTYPES = {"tensor(float)": torch.float32, "tensor(int64)": torch.int64, "tensor(bool)": torch.bool}
_ELEMENTS = {torch.float32: np.float32, torch.int64: np.int64, torch.bool: np.bool_}


class GraphSession:
    """One graph in ONNX Runtime, from torch tensors to torch tensors without a copy."""

    def __init__(self, path: Path, providers: tuple[Provider, ...] = ((CPU, {}),), threads: int = 0) -> None:
        """providers: the first must be usable; the others run unsupported operators. threads: of
        the CPU, 0 for one per core. Raises CheckpointError for a graph that cannot be read.
        """
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait would otherwise keep the cores busy, which torch needs for the language part.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = runtime.InferenceSession(path, options, providers=list(providers))
        except Exception as error:  # its exceptions have no common type of their own
            raise CheckpointError(f"ONNX Runtime cannot load {path}: {error}") from error
        if providers[0][0] not in self._session.get_providers():
            raise ConfigError(f"ONNX Runtime could not start {providers[0][0]}; see its log above")
        self.export_id = str(self._session.get_modelmeta().custom_metadata_map.get(EXPORT_ID, ""))
        if other := [i.name for i in self._session.get_inputs() if i.type not in _DTYPES]:
            raise CheckpointError(
                f"{path} is no graph of an exported model; its inputs are {', '.join(other)}"
            )
        self._path = path
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._inputs = {i.name: _DTYPES[i.type] for i in self._session.get_inputs()}

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute the outputs by name, float32, on the device of the inputs. Thread-safe.

        Raises InstructSamError for inputs that the graph cannot take.
        """
        device = next(iter(inputs.values())).device
        place = (device.type, device.index or 0)
        # What the graph turned out not to read is not among its inputs.
        fed = {name: inputs[name].to(kind).contiguous() for name, kind in self._inputs.items()}
        binding = self._session.io_binding()
        for name, tensor in fed.items():
            binding.bind_input(name, *place, _ELEMENTS[tensor.dtype], list(tensor.shape), tensor.data_ptr())
        for name in self._outputs:
            binding.bind_output(name, *place)
        if device.type == "cuda":  # ONNX Runtime works on a stream of its own
            torch.cuda.current_stream(device).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime has many kinds, which share no class of their own
            raise InstructSamError(f"ONNX Runtime cannot run {self._path}: {error}") from error
        found = [from_dlpack(output) for output in binding.get_outputs()]
        return dict(zip(self._outputs, found, strict=True))


def providers_of(name: str, fp16: bool, cache: Path) -> tuple[torch.device, tuple[Provider, ...]]:
    """Choose where torch runs, and ONNX Runtime's providers in order of preference; for a device's name.

    name: "cpu", "cuda" (or "cuda:1"), "tensorrt" or "auto". fp16: TensorRT in half precision. cache: folder
    for TensorRT's engines. Raises ConfigError for what this machine lacks.
    """
    available = _runtime().get_available_providers()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() and CUDA in available else "cpu"
    if fp16 and name != "tensorrt":
        raise ConfigError(f"fp16 is an option of device tensorrt, not of {name}")
    target = torch_device("cuda" if name == "tensorrt" else name)
    index = target.index or 0
    cuda: Provider = (CUDA, {"device_id": index})
    tensorrt: Provider = (
        TENSORRT,
        {
            "device_id": index,
            "trt_fp16_enable": fp16,
            "trt_engine_cache_enable": True,  # building an engine takes minutes
            "trt_engine_cache_path": str(cache),
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": str(cache),
        },
    )
    cpu: Provider = (CPU, {})
    providers = {"cpu": (cpu,), "cuda": (cuda, cpu)}[target.type]
    if name == "tensorrt":
        providers = (tensorrt, *providers)
    if providers[0][0] not in available:
        raise ConfigError(
            f"this ONNX Runtime has no {providers[0][0]} (it has {', '.join(available)}); on a GPU machine: "
            "pip uninstall onnxruntime; pip install 'instructsam-ros[gpu]'"
        )
    return target, providers


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_onnx(error) from error
    return onnxruntime


def missing_onnx(error: ImportError) -> MissingDependencyError:
    """Return the error for a missing package of the extra ``onnx``."""
    return MissingDependencyError(
        f"ONNX needs {error.name}; install it with: pip install 'instructsam-ros[onnx]'"
    )
