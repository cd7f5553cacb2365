"""The compact model's detector: rows and images, and masks within their boxes."""

from __future__ import annotations

import pytest
import torch

from instructsam_ros.models.instructsam.compact.detector import PointerDetector
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam

torch.set_num_threads(1)
WIDTH, QUERIES = 32, 10


@pytest.fixture(scope="module")
def detector(compact_model: InstructSam) -> PointerDetector:
    assert isinstance(compact_model.detector, PointerDetector)
    return compact_model.detector


@pytest.fixture(scope="module")
def two_images(compact_model: InstructSam) -> ImageFeatures:
    pixels = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features: ImageFeatures = compact_model.image_encoder(PyramidInputs(pixels))
    return features


def phrases(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embeddings, mask and query states of random phrases, of which the last has one token."""
    generator = torch.Generator().manual_seed(count)
    mask = torch.ones(count, 3, dtype=torch.bool)
    mask[-1, 1:] = False
    embeds = torch.randn(count, 3, WIDTH, generator=generator)
    return embeds, mask, torch.randn(count, QUERIES, WIDTH, generator=generator)


@torch.inference_mode()
def test_one_image_per_row_equals_each_image_alone(
    detector: PointerDetector, two_images: ImageFeatures
) -> None:
    embeds, mask, queries = phrases(2)
    together = detector(two_images, embeds, mask, queries)
    for row in range(2):
        only = slice(row, row + 1)
        image = two_images.rows(torch.tensor([row]))
        alone = detector(image, embeds[only], mask[only], queries[only])
        for name in ("mask_logits", "score_logits", "boxes"):
            torch.testing.assert_close(
                getattr(together, name)[only], getattr(alone, name), atol=1e-4, rtol=1e-4
            )


@torch.inference_mode()
def test_prepared_features_give_the_same_detections(
    detector: PointerDetector, two_images: ImageFeatures
) -> None:
    image, arguments = two_images.rows(torch.tensor([0])), phrases(3)
    prepared = detector.prepare(image)
    assert detector.prepare(prepared) is prepared
    plain, ready = detector(image, *arguments), detector(prepared, *arguments)
    assert torch.equal(plain.mask_logits, ready.mask_logits)
    assert torch.equal(plain.boxes, ready.boxes)


@torch.inference_mode()
def test_outputs_have_a_row_per_phrase_and_a_state_per_layer(
    detector: PointerDetector, two_images: ImageFeatures
) -> None:
    output = detector(two_images.rows(torch.tensor([0])), *phrases(3))
    height, width = two_images.fpn[0].shape[-2:]
    assert output.mask_logits.shape == (3, QUERIES, height, width)
    assert output.mask_logits.dtype == output.score_logits.dtype == torch.float32
    assert output.score_logits.shape == (3, QUERIES)
    assert len(output.layers) == 1 + len(detector.detr_decoder.layers)
    x0, y0, x1, y1 = output.boxes.unbind(-1)
    assert (x0 < x1).all()
    assert (y0 < y1).all()


@torch.inference_mode()
def test_mask_logits_decrease_outside_the_box(detector: PointerDetector) -> None:
    pixels = torch.zeros(WIDTH, 8, 12)
    box = torch.tensor([[0.25, 0.5, 0.5, 1.0]])  # the left half
    logits = detector.mask_logits(torch.zeros(1, WIDTH), box, pixels)[0]
    left, right = logits[:, :6], logits[:, 6:]
    torch.testing.assert_close(left, detector.mask_bias.expand_as(left))
    assert (right.diff(dim=1) < 0).all()
    assert right.max() <= left.min()
