"""The graphs of an exported model, and their inputs and outputs by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from instructsam_ros.models.common.onnx_session import GraphSession
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.onnx_graphs import (
    DetectorGraph,
    feature_tensors,
    features_of,
    image_graph,
)

torch.set_num_threads(1)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_features_equal_those_read_from_their_named_tensors(features: ImageFeatures) -> None:
    tensors = feature_tensors(features)
    assert [name for name in tensors if name.startswith("deepstack")] == [
        f"deepstack_{i}" for i in range(len(features.deepstack))
    ]
    assert features_of(tensors, features.grid) == features


@pytest.mark.parametrize("size", [(64, 96), (50, 200)])
def test_the_graph_of_a_pyramid_encoder_computes_its_features(
    compact_model: InstructSam, size: tuple[int, int]
) -> None:
    encoder = compact_model.image_encoder
    graph, inputs = image_graph(encoder), encoder.preprocess(picture(*size))
    with torch.inference_mode():
        found, expected = graph.compute(*graph.tensors(inputs).values()), encoder(inputs)
    assert graph.grid(inputs) == expected.grid
    torch.testing.assert_close(found, feature_tensors(expected))


def test_inputs_of_another_encoder_are_an_error(compact_model: InstructSam, tiny_model: InstructSam) -> None:
    inputs = tiny_model.image_encoder.preprocess(picture(40, 40))
    with pytest.raises(TypeError, match="expected PyramidInputs, got TwoTowerInputs"):
        image_graph(compact_model.image_encoder).tensors(inputs)


def test_an_encoder_without_graph_is_an_error() -> None:
    with pytest.raises(TypeError, match="no graph for image encoder Linear"):
        image_graph(nn.Linear(1, 1))


@pytest.mark.parametrize("size", [(40, 40), (64, 400), (300, 70)])
def test_one_image_graph_serves_every_aspect(
    export_source: Path, tiny_export: Path, size: tuple[int, int]
) -> None:
    encoder = load_folder(export_source).image_encoder
    graph = image_graph(encoder)
    inputs = encoder.preprocess(picture(*size))
    with torch.inference_mode():
        expected = encoder(inputs)
    found = features_of(
        GraphSession(tiny_export / "image_encoder.onnx")(graph.tensors(inputs)), graph.grid(inputs)
    )
    assert found.grid == expected.grid
    pairs = zip(
        (found.tokens, *found.deepstack, *found.fpn, found.fpn_position),
        (expected.tokens, *expected.deepstack, *expected.fpn, expected.fpn_position),
        strict=True,
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("phrases", "length"), [(1, 1), (1, 32), (2, 3), (17, 5)])
def test_one_detector_graph_serves_any_phrases(
    export_source: Path, tiny_export: Path, phrases: int, length: int
) -> None:
    model = load_folder(export_source)
    config = model.config
    torch.manual_seed(phrases)
    mask = torch.ones(phrases, length, dtype=torch.bool)
    mask[-1, 1:] = False
    with torch.inference_mode():
        features = model.image_encoder(model.image_encoder.preprocess(picture(50, 70)))
        arguments = (
            torch.randn(phrases, length, config.out_dim),
            mask,
            torch.randn(phrases, config.num_queries, config.out_dim),
        )
        expected = model.detector(features, *arguments)
    found = GraphSession(tiny_export / "detector.onnx")(DetectorGraph.tensors(features, *arguments))
    torch.testing.assert_close(found["mask_logits"], expected.mask_logits, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(found["score_logits"], expected.score_logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found["boxes"], expected.boxes, atol=1e-5, rtol=0)
