"""SAM 3 against transformers' own class, bit for bit, and against arrays of Meta's code."""

from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from instructsam_ros.models.sam3.checkpoint import build_sam3
from instructsam_ros.models.sam3.meta_names import upstream_tensors
from test.sam3_models import golden_weights, meta_weights, tiny_config

torch.set_num_threads(1)


def tiny(weights=None, **options):
    tensors, _ = upstream_tensors(weights or meta_weights())
    return build_sam3(tiny_config(), tensors, "golden weights", **options)


@pytest.fixture(scope="module")
def model():
    return tiny(geometry_token=False)


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(1, 3, 112, 112, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("length", [3, 32], ids=["padded", "full"])
@torch.inference_mode()
def test_it_is_the_upstream_model_bit_for_bit(model, pixels, length):
    ids = torch.zeros(1, 32, dtype=torch.int64)
    ids[0, :length] = torch.tensor([60, *[7] * (length - 2), 61])
    upstream = model.net(pixel_values=pixels, input_ids=ids, attention_mask=(ids != 0).long())
    prompt, _ = model.encode_text(ids)
    ours = model.detect(model.encode_image(pixels), prompt)
    assert torch.equal(ours.layers[-1].logits, upstream.pred_logits)
    assert torch.equal(ours.layers[-1].presence, upstream.presence_logits)
    assert torch.equal(ours.mask_logits, upstream.pred_masks)
    assert torch.equal(ours.semantic_logits, upstream.semantic_seg)


@torch.inference_mode()
def test_the_geometry_token_makes_it_metas_model(sam3i_golden, model):
    golden = load_file(sam3i_golden / "tiny_io.safetensors")
    whole = {
        n: t for n, t in golden_weights(sam3i_golden).items() if "adapter" not in n and "query_proj" not in n
    }
    meta = tiny({n: t for n, t in whole.items() if "concept_proj" not in n})
    prompt, hidden = meta.encode_text(golden["input_ids"])
    output = meta.detect(meta.encode_image(golden["pixel_values"]), prompt)
    torch.testing.assert_close(hidden, golden["concept.text_last_hidden"], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        output.layers[-1].logits, golden["concept.pred_logits"][..., 0], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(output.mask_logits, golden["concept.pred_masks"], atol=1e-3, rtol=1e-5)
    meta.geometry_token = False
    without = meta.detect(meta.encode_image(golden["pixel_values"]), prompt)
    assert (without.layers[-1].logits - golden["concept.pred_logits"][..., 0]).abs().max() > 0.05


@torch.inference_mode()
def test_one_to_many_queries_leave_the_others_as_they_are(model, pixels):
    ids = torch.tensor([[60, 5, 61, *[0] * 29]])
    prompt, _ = model.encode_text(ids)
    image = model.encode_image(pixels)
    alone, both = model.detect(image, prompt), model.detect(image, prompt, one_to_many=True)
    assert both.mask_logits.shape[1] == 2 * alone.mask_logits.shape[1]
    torch.testing.assert_close(both.layers[-1].logits[:, :6], alone.layers[-1].logits, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(both.layers[-1].logits[:, 6:], alone.layers[-1].logits, atol=1e-3)


def test_the_boxes_of_a_layer_teach_the_layer_before_it(model, pixels):
    ids = torch.tensor([[60, 5, 61, *[0] * 29]])
    prompt, _ = model.encode_text(ids)
    output = model.detect(model.encode_image(pixels), prompt)
    first = model.net.detr_decoder.layers[0].mlp.fc2.weight
    (grad,) = torch.autograd.grad(output.layers[1].boxes.sum(), first)
    assert grad.abs().max() > 0


@torch.inference_mode()
def test_example_boxes_change_the_answer_and_labels_matter(model, pixels):
    prompt, _ = model.encode_text(torch.tensor([[60, 5, 61, *[0] * 29]]))
    image = model.encode_image(pixels)
    box = torch.tensor([[[0.4, 0.5, 0.3, 0.2]]])
    answers = [
        model.detect(image, prompt, geometry=model.encode_geometry(image, box, torch.tensor([[label]])))
        for label in (0, 1)
    ]
    plain = model.detect(image, prompt)
    logits = [answer.layers[-1].logits for answer in (*answers, plain)]
    assert all(not torch.equal(a, b) for a, b in pairwise(logits))
