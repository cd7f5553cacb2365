"""What the detector computes once, or in another order, equals what upstream computes per phrase."""

from __future__ import annotations

import pytest
import torch
from transformers.models.sam3.modeling_sam3 import Sam3DetrEncoder

from instructsam_ros.models.instructsam.detector import Detector, Phrases, image_rows, sam3_config
from instructsam_ros.models.instructsam.features import ImageFeatures
from instructsam_ros.models.instructsam.modeling import InstructSam

torch.set_num_threads(1)
WIDTH, COARSE = 32, 8


@pytest.fixture(scope="module")
def detector(tiny_model: InstructSam) -> Detector:
    return tiny_model.detector


def pyramid(images: int) -> ImageFeatures:
    generator = torch.Generator().manual_seed(images)
    fpn = [torch.randn(images, WIDTH, COARSE * s, COARSE * s, generator=generator) for s in (4, 2, 1)]
    position = torch.randn(1, WIDTH, COARSE, COARSE, generator=generator).expand(images, -1, -1, -1)
    return ImageFeatures(torch.empty(images, 0, 64), (0, 0), (), tuple(fpn), position)


def phrases(count: int) -> Phrases:
    generator = torch.Generator().manual_seed(9)
    mask = torch.ones(count, 5, dtype=torch.bool)
    mask[0, 3:] = False
    return Phrases(torch.randn(count, 5, WIDTH, generator=generator), mask)


@pytest.mark.parametrize("images", [1, 3])
def test_shared_attention_equals_the_upstream_encoder(
    tiny_model: InstructSam, detector: Detector, images: int
) -> None:
    features, said = pyramid(images), phrases(3)
    upstream = Sam3DetrEncoder(sam3_config(tiny_model.config).detr_encoder_config).eval()
    upstream.load_state_dict(detector.detr_encoder.state_dict())
    with torch.inference_mode():
        memory = detector.condition(detector.prepare(features), image_rows(features, 3), said)
        expected = upstream(
            vision_features=[features.fpn[-1].expand(3, -1, -1, -1)],
            text_features=said.embeds,
            vision_pos_embeds=[features.fpn_position.expand(3, -1, -1, -1)],
            text_mask=said.mask,
        )
    torch.testing.assert_close(memory.tokens, expected.last_hidden_state, atol=1e-5, rtol=0)
    assert memory.grid == (COARSE, COARSE)


def test_masks_equal_projecting_every_pixel(detector: Detector) -> None:
    features, said = pyramid(1), phrases(2)
    queries = torch.randn(2, 10, WIDTH, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        memory = detector.condition(detector.prepare(features), image_rows(features, 2), said)
        last = detector.decode(queries, memory, said)[-1]
        pixels = detector.embed_pixels(features, memory, said)
        projected = detector.mask_decoder.instance_projection(pixels)
        embedded = detector.mask_decoder.mask_embedder(last.queries)
        expected = torch.einsum("nqc,nchw->nqhw", embedded, projected)
        torch.testing.assert_close(detector.masks(last, pixels), expected, atol=1e-4, rtol=1e-5)


def test_features_prepared_once_give_the_same_answers(detector: Detector) -> None:
    features, said = pyramid(1), phrases(2)
    queries = torch.randn(2, 10, WIDTH, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        prepared = detector.prepare(features)
        assert detector.prepare(prepared) is prepared
        plain = detector(features, said.embeds, said.mask, queries)
        again = detector(prepared, said.embeds, said.mask, queries)
    assert torch.equal(plain.mask_logits, again.mask_logits)
    assert torch.equal(plain.score_logits, again.score_logits)
