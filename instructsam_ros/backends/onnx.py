"""InstructSAM with its image encoder and detector in ONNX Runtime; the language part runs in torch.

Reads a folder that ``instructsam export onnx`` wrote. Only the two parts of the model are
exchanged: prompts, decoding and masks are those of the backend "instructsam".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from instructsam_ros.backends.instructsam import InstructSamSegmenter, set_threshold
from instructsam_ros.errors import CheckpointError, ConfigError, InstructSamError, MissingDependencyError
from instructsam_ros.models.common.device import Precision, check_threads, torch_device, torch_dtype
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.cpu.optimize import select_rows_in_last_layer
from instructsam_ros.models.instructsam.checkpoint import fill, weightless
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageEncoder, ImageFeatures, ImageInputs
from instructsam_ros.models.instructsam.onnx_graphs import (
    DETECTOR,
    EXPORT_ID,
    IMAGE_ENCODER,
    DetectorGraph,
    ImageGraph,
    Tensors,
    features_of,
    image_graph,
)
from instructsam_ros.models.instructsam.processing import PromptTokenizer

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ENGINES = "tensorrt"
"""Folder of TensorRT's engines in that of the export."""
Provider = tuple[str, dict[str, Any]]
MAKE_IT = "make it with: instructsam export onnx MODEL OUT"
_DTYPES = {"tensor(float)": torch.float32, "tensor(int64)": torch.int64, "tensor(bool)": torch.bool}
_ELEMENTS = {torch.float32: np.float32, torch.int64: np.int64, torch.bool: np.bool_}


class GraphSession:
    """One graph in ONNX Runtime, from torch tensors to torch tensors without a copy."""

    def __init__(self, path: Path, providers: tuple[Provider, ...] = ((CPU, {}),), threads: int = 0) -> None:
        """providers: the first one must be usable, the rest take what it does not support. threads: of
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
            raise ConfigError(f"ONNX Runtime could not start {providers[0][0]}; its log above says why")
        self.export_id = str(self._session.get_modelmeta().custom_metadata_map.get(EXPORT_ID, ""))
        if other := [i.name for i in self._session.get_inputs() if i.type not in _DTYPES]:
            raise CheckpointError(
                f"{path} is no graph of an exported model; its inputs are {', '.join(other)}"
            )
        self._path = path
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._inputs = {i.name: _DTYPES[i.type] for i in self._session.get_inputs()}

    def __call__(self, inputs: Mapping[str, Tensor]) -> Tensors:
        """Outputs by name, float32, on the device of the inputs. Safe from several threads.

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


class OnnxImageEncoder(ImageEncoder):
    """An image encoder's graph in its place."""

    def __init__(self, graph: ImageGraph, session: GraphSession) -> None:
        """graph: around a weightless encoder, which still knows how to prepare pixels."""
        super().__init__()
        self.graph, self.session = graph, session

    @property
    def dtype(self) -> torch.dtype:
        """Graphs compute in float32, whatever the language part does."""
        return torch.float32

    def preprocess(self, rgb: NDArray[np.uint8]) -> ImageInputs:
        """As the encoder's own."""
        inputs: ImageInputs = self.graph.module.preprocess(rgb)  # type: ignore[operator]
        return inputs

    def forward(self, inputs: ImageInputs) -> ImageFeatures:
        """Features of one image, float32."""
        return features_of(self.session(self.graph.tensors(inputs)), self.graph.grid(inputs))


class OnnxDetector(nn.Module):
    """A detector's graph in its place."""

    def __init__(self, session: GraphSession) -> None:
        super().__init__()
        self.session = session

    def prepare(self, features: ImageFeatures) -> ImageFeatures:
        """As they are; the graph does all of the detector's work."""
        return features

    def forward(
        self, features: ImageFeatures, phrase_embeds: Tensor, phrase_mask: Tensor, queries: Tensor
    ) -> DetectorOutput:
        """As Detector.forward on one image, float32; without the states of its layers."""
        inputs = DetectorGraph.tensors(features, phrase_embeds, phrase_mask, queries)
        return DetectorOutput(**self.session(inputs), layers=())


def load(
    model: str,
    device: str,
    *,
    dtype: Precision = "auto",
    threads: int = 0,
    fp16: bool = False,
    score_threshold: float | None = None,
) -> InstructSamSegmenter:
    """Load a folder that ``instructsam export onnx`` wrote.

    device: "cpu", "cuda" (or "cuda:1"), "tensorrt", or "auto": the best that both torch and ONNX
    Runtime have. dtype: of the language part, as for the backend "instructsam". threads: of ONNX
    Runtime on the CPU, 0 for one per core. fp16: let TensorRT compute in half precision.
    score_threshold: replaces the model's own. Raises CheckpointError for a folder that is not
    complete, ConfigError for an unusable device or option, MissingDependencyError without ONNX Runtime.
    """
    check_threads(threads, 0)
    try:
        folder = Path(model).expanduser()
    except RuntimeError as error:  # ~somebody who does not exist
        raise CheckpointError(f"{model!r}: {error}") from None
    graphs = {name: folder / f"{name}.onnx" for name in (IMAGE_ENCODER, DETECTOR)}
    if missing := [path.name for path in graphs.values() if not path.exists()]:
        raise CheckpointError(f"no {' and no '.join(missing)} in {model}; {MAKE_IT}")
    target, providers = providers_of(device, fp16, folder / ENGINES)
    config = InstructSamConfig.from_folder(folder)
    loaded = weightless(config)
    graph = image_graph(loaded.image_encoder)
    sessions = {name: GraphSession(path, providers, threads) for name, path in graphs.items()}
    loaded.image_encoder = OnnxImageEncoder(graph, sessions[IMAGE_ENCODER])
    loaded.detector = OnnxDetector(sessions[DETECTOR])
    select_rows_in_last_layer(loaded.language)
    with TensorFiles(folder) as tensors:
        export_id = tensors.metadata().get(EXPORT_ID)
        for name, session in sessions.items():
            if session.export_id != f"{name}/{export_id}":
                raise CheckpointError(
                    f"{graphs[name]} is not of one export with the rest of {model}; {MAKE_IT}"
                )
        fill(loaded, tensors, str(folder), torch_dtype(dtype, target), target)
    set_threshold(loaded, score_threshold)
    return InstructSamSegmenter(loaded, PromptTokenizer.from_folder(folder, config), "onnx")


def providers_of(name: str, fp16: bool, cache: Path) -> tuple[torch.device, tuple[Provider, ...]]:
    """Where torch runs, and ONNX Runtime's providers in order of preference; arguments as of ``load``.

    cache: folder for TensorRT's engines. Raises ConfigError for what this machine lacks.
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
    """What to install when a package of the extra ``onnx`` is missing."""
    return MissingDependencyError(
        f"ONNX needs {error.name}; install it with: pip install 'instructsam-ros[onnx]'"
    )
