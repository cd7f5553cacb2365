"""An InstructSAM model as ONNX: both graphs, the rest of the checkpoint, and a report of parity.

The exported folder holds image_encoder.onnx and detector.onnx with their weights beside them
(``.onnx.data``; protobuf ends at 2 GB), parity.json, and the language part as a checkpoint in the
released layout. It is complete: ``load(folder, backend="onnx")`` needs nothing else.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.common.onnx_session import ENGINES, EXPORT_ID, GraphSession, missing_onnx
from instructsam_ros.models.common.safetensors_folder import SINGLE, TensorFiles
from instructsam_ros.models.cpu.optimize import use_paired_rotation
from instructsam_ros.models.instructsam.checkpoint import load_folder, save_folder
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.onnx_graphs import (
    DETECTOR,
    IMAGE_ENCODER,
    DetectorGraph,
    Graph,
    Tensors,
    features_of,
    image_graph,
)
from instructsam_ros.models.instructsam.processing import MAX_PHRASE_TOKENS

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference of an output that counts as rounding, in parts of its largest value."""

RANDOM_SIZES = ((480, 640), (300, 200))
PHRASE_SHAPES = ((1, 1), (3, 7), (8, MAX_PHRASE_TOKENS))
"""Phrases and tokens that the detector is compared with."""


@dataclass(frozen=True)
class Parity:
    """One output of one graph, over all images of one kind: largest difference to torch, and largest
    value in torch.
    """

    graph: str
    output: str
    images: str
    difference: float
    largest: float

    @property
    def equal(self) -> bool:
        """Whether the difference is rounding."""
        return self.difference <= TOLERANCE * max(self.largest, 1.0)


@torch.inference_mode()
def export(folder: Path, out: Path, pictures: Sequence[NDArray[np.uint8]] = ()) -> tuple[Parity, ...]:
    """Export the checkpoint in ``folder`` and compare the graphs with torch, both in float32 on the CPU.

    pictures: uint8 [H, W, 3], for the comparison besides random ones. An earlier export in ``out`` is kept
    until the new one is complete. Raises CheckpointError for unusable
    weights, InvalidInputError for ``out`` in the place of the checkpoint, and MissingDependencyError without
    the extra ``onnx``.
    """
    if out.resolve() == folder.resolve():
        raise InvalidInputError(f"{out} is the checkpoint itself, which would lose its weights; name another")
    model = load_folder(folder).requires_grad_(False)
    use_paired_rotation(model)  # fewer steps than upstream's, in the graph as well
    encoder = image_graph(model.image_encoder)
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in RANDOM_SIZES]
    inputs = encoder.tensors(model.image_encoder.preprocess(noise[0]))
    features = encoder.compute(*inputs.values())
    detector = DetectorGraph(model.detector, sum(name[4:].isdigit() for name in features))

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export.") as name:
        part, export_id = Path(name), uuid.uuid4().hex
        _write_graph(encoder, inputs, part / f"{IMAGE_ENCODER}.onnx", export_id)
        phrases = _phrases(model, *PHRASE_SHAPES[1])
        inputs = detector.tensors(features_of(features, (0, 0)), *phrases)
        _write_graph(detector, inputs, part / f"{DETECTOR}.onnx", export_id)
        kinds = {"random": noise, "pictures": list(pictures)}
        report = tuple(
            parity
            for kind, images in kinds.items()
            if images
            for parity in _compare(model, detector, part, kind, images)
        )
        _write_language_part(model, folder, part, export_id)
        _write_report(report, part / "parity.json")
        # Graphs first and weights last: in between their ids differ, so that a mixture is refused.
        for path in sorted(part.iterdir(), key=lambda path: (path.suffix != ".onnx", path.name == SINGLE)):
            put_in_place(path, out / path.name)
    shutil.rmtree(out / ENGINES, ignore_errors=True)  # of an earlier export, whose weights they hold
    return report


class _Traced(nn.Module):
    """A graph as a module with tensors as inputs and outputs, which the exporter needs."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.weights = graph.module
        self.graph = graph

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.graph.compute(*inputs).values())


def _write_graph(graph: Graph, inputs: Tensors, path: Path, export_id: str) -> None:
    try:
        import onnxscript  # noqa: F401  # torch's exporter writes with it
    except ImportError as error:
        raise missing_onnx(error) from error
    outputs = graph.compute(*inputs.values())
    # It warns of torchvision, which this package does not use, and of its own internals.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(  # typed as optional
            _Traced(graph).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=(tuple(graph.dynamic.get(name) for name in inputs),),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        program.model.metadata_props[EXPORT_ID] = f"{path.stem}/{export_id}"
        program.save(path, external_data=True)


def _compare(
    model: InstructSam, detector: DetectorGraph, out: Path, kind: str, images: Sequence[NDArray[np.uint8]]
) -> Iterator[Parity]:
    """Compute the largest difference of every output over all images; the detector gets torch's features."""
    encoder = image_graph(model.image_encoder)
    sessions = {name: GraphSession(out / f"{name}.onnx") for name in (IMAGE_ENCODER, DETECTOR)}
    worst: dict[tuple[str, str], tuple[float, float]] = {}

    def note(name: str, graph: Graph, inputs: Tensors) -> Tensors:
        expected, found = graph.compute(*inputs.values()), sessions[name](inputs)
        for output, value in expected.items():
            difference, largest = worst.get((name, output), (0.0, 0.0))
            apart = (found[output] - value).abs().nan_to_num(nan=math.inf)  # max() would pass over a NaN
            worst[name, output] = (
                max(difference, float(apart.max())),
                max(largest, float(value.abs().max())),
            )
        return expected

    for image in images:
        features = note(IMAGE_ENCODER, encoder, encoder.tensors(model.image_encoder.preprocess(image)))
        for shape in PHRASE_SHAPES:
            phrases = _phrases(model, *shape)
            note(DETECTOR, detector, detector.tensors(features_of(features, (0, 0)), *phrases))
    for (name, output), (difference, largest) in worst.items():
        yield Parity(name, output, kind, difference, largest)


def _phrases(model: InstructSam, count: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sample embeddings, mask and queries of random phrases of 1..length tokens."""
    generator = torch.Generator().manual_seed(count)
    size = model.config.out_dim
    lengths = torch.randint(1, length + 1, (count, 1), generator=generator)
    lengths[0] = length
    return (
        torch.randn(count, length, size, generator=generator),
        torch.arange(length)[None] < lengths,
        torch.randn(count, model.config.num_queries, size, generator=generator),
    )


def _write_report(report: Sequence[Parity], path: Path) -> None:
    rows: list[dict[str, Any]] = [asdict(parity) for parity in report]
    path.write_text(json.dumps({"tolerance": TOLERANCE, "outputs": rows}, indent=2) + "\n", encoding="utf-8")


def _write_language_part(model: InstructSam, folder: Path, out: Path, export_id: str) -> None:
    """Write the part that stays in torch, in its stored precision, and the checkpoint's small files."""
    with TensorFiles(folder) as tensors:
        stored = tensors["model.mask_queries"].dtype
    model.image_encoder, model.detector = nn.Identity(), nn.Identity()
    tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
    save_folder(model.to(stored), out, tokenizer, like=[folder], metadata={EXPORT_ID: export_id})
