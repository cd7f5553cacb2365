"""InstructSAM with its image encoder and detector in ONNX Runtime; the language part runs in torch.

Loads a folder written by ``instructsam export onnx``. Prompts, decoding and masks are those of the backend
"instructsam".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from instructsam_ros.backends.instructsam import InstructSamSegmenter, set_threshold
from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.device import Precision, check_threads, torch_dtype
from instructsam_ros.models.common.onnx_session import ENGINES, EXPORT_ID, GraphSession, providers_of
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam.checkpoint import fill, weightless
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.features import ImageEncoder, ImageFeatures, ImageInputs
from instructsam_ros.models.instructsam.onnx_graphs import (
    DETECTOR,
    IMAGE_ENCODER,
    DetectorGraph,
    ImageGraph,
    features_of,
    image_graph,
)
from instructsam_ros.models.instructsam.processing import PromptTokenizer

MAKE_IT = "make it with: instructsam export onnx MODEL OUT"


class OnnxImageEncoder(ImageEncoder):
    """Image encoder that runs a graph."""

    def __init__(self, graph: ImageGraph, session: GraphSession) -> None:
        """graph: around an encoder without weights, for its preprocessing."""
        super().__init__()
        self.graph, self.session = graph, session

    @property
    def dtype(self) -> torch.dtype:
        """float32, the type of the graphs, independently of the language part."""
        return torch.float32

    def preprocess(self, rgb: NDArray[np.uint8]) -> ImageInputs:
        """Preprocess as the encoder itself."""
        inputs: ImageInputs = self.graph.module.preprocess(rgb)  # type: ignore[operator]
        return inputs

    def forward(self, inputs: ImageInputs) -> ImageFeatures:
        """Compute the features of one image, float32."""
        return features_of(self.session(self.graph.tensors(inputs)), self.graph.grid(inputs))


class OnnxDetector(nn.Module):
    """Detector that runs a graph."""

    def __init__(self, session: GraphSession) -> None:
        super().__init__()
        self.session = session

    def prepare(self, features: ImageFeatures) -> ImageFeatures:
        """Return the features unchanged; the graph computes everything."""
        return features

    def forward(
        self, features: ImageFeatures, phrase_embeds: Tensor, phrase_mask: Tensor, queries: Tensor
    ) -> DetectorOutput:
        """Detect as Detector.forward on one image, float32; without the states of its layers."""
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
    """Load a folder written by ``instructsam export onnx``.

    device: "cpu", "cuda" (or "cuda:1"), "tensorrt", or "auto": the best that both torch and ONNX
    Runtime have. dtype: of the language part, as for the backend "instructsam". threads: of ONNX
    Runtime on the CPU, 0 for one per core. fp16: let TensorRT compute in half precision.
    score_threshold: replaces the model's own. Raises CheckpointError for a folder that is not
    complete, ConfigError for an unusable device or option, MissingDependencyError without ONNX Runtime.
    """
    check_threads(threads, 0)
    try:
        folder = Path(model).expanduser()
    except RuntimeError as error:  # ~name of an unknown user
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
