"""SAM3-I against arrays of the authors' model, and its concept route against SAM 3."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file
from transformers import Sam3Config

from instructsam_ros.models.sam3i.checkpoint import authors_tensors, build_sam3i, weightless_sam3i
from instructsam_ros.models.sam3i.configuration import PAPER, RELEASED
from instructsam_ros.models.sam3i.initialization import initialise
from instructsam_ros.models.sam3i.modeling import Route, Sam3I
from test.sam3_models import golden_weights, tiny_config, tiny_sam3i

torch.set_num_threads(1)
SMALL = {"bottleneck": 8}


@pytest.fixture(scope="module")
def golden(sam3i_golden):
    return load_file(sam3i_golden / "tiny_io.safetensors")


@pytest.fixture(scope="module")
def model(sam3i_golden):
    tensors, config = authors_tensors(golden_weights(sam3i_golden), "golden weights")
    return build_sam3i(tiny_config(), config, tensors, "golden weights")


@pytest.mark.parametrize("route", ["concept", "simple", "complex"])
@torch.inference_mode()
def test_routes_are_those_of_the_release(model, golden, route):
    expected = {n.removeprefix(f"{route}."): t for n, t in golden.items() if n.startswith(f"{route}.")}
    adaptation = model.adaptation(Route[route.upper()])
    image = model.encode_image(golden["pixel_values"])
    prompt, hidden = model.encode_text(golden["input_ids"], adaptation)
    output = model.detect(image, prompt, adaptation)
    last = output.layers[-1]
    found = {
        "text_last_hidden": hidden,
        "language_features": prompt.tokens,
        "language_mask_true_is_pad": (~prompt.mask).to(torch.uint8),
        "pooled_projected": model.project(prompt.tokens, Route[route.upper()]),
        "encoder_hidden_states": output.tokens,
        "queries": output.queries,
        "pred_logits": last.logits[..., None],
        "pred_boxes": last.boxes,
        "presence_logit_dec": last.presence,
        "semantic_seg": output.semantic_logits,
    }
    for name, tensor in found.items():
        torch.testing.assert_close(
            tensor, expected[name], atol=1e-5, rtol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
    torch.testing.assert_close(output.mask_logits, expected["pred_masks"], atol=1e-3, rtol=1e-5)
    for index, level in enumerate(image.levels):
        torch.testing.assert_close(level, golden[f"fpn{index}"], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_concept_route_is_sam3_bit_for_bit(model, golden):
    model.geometry_token = False
    try:
        upstream = model.net(
            pixel_values=golden["pixel_values"],
            input_ids=golden["input_ids"],
            attention_mask=(golden["input_ids"] != 0).long(),
        )
        prompt, _ = model.encode_text(golden["input_ids"])
        ours = model.detect(
            model.encode_image(golden["pixel_values"]), prompt, model.adaptation(Route.CONCEPT)
        )
    finally:
        model.geometry_token = True
    assert torch.equal(ours.mask_logits, upstream.pred_masks)
    assert torch.equal(ours.layers[-1].logits, upstream.pred_logits)


@pytest.mark.parametrize("config", [RELEASED, PAPER], ids=["released", "paper"])
@torch.inference_mode()
def test_fresh_adapters_change_nothing(config, golden):
    model = Sam3I(tiny_config(), dataclasses.replace(config, **SMALL)).eval()
    initialise(model)
    image = model.encode_image(golden["pixel_values"])
    answers = {}
    for route in (Route.CONCEPT, Route.SIMPLE):
        adaptation = model.adaptation(route)
        prompt, _ = model.encode_text(golden["input_ids"], adaptation)
        answers[route] = model.detect(image, prompt, adaptation)
    torch.testing.assert_close(answers[Route.SIMPLE].mask_logits, answers[Route.CONCEPT].mask_logits)


def test_a_simple_answer_reads_padding(model, golden):
    """Text adapters attend to all 32 positions, so what stands behind the text counts."""
    simple = model.adaptation(Route.SIMPLE)
    ids = golden["input_ids"].clone()
    plain, _ = model.encode_text(ids, simple)
    ids[0, -1] = 5
    changed, _ = model.encode_text(ids, simple)
    assert (plain.tokens[0, 0] - changed.tokens[0, 0]).abs().max() > 1e-4


def test_the_frozen_copy_cuts_the_gradient(golden):
    model = tiny_sam3i()
    for route, learns in ((Route.COMPLEX, True), (Route.COMPLEX_ALONE, False)):
        adaptation = model.adaptation(route)
        prompt, _ = model.encode_text(golden["input_ids"], adaptation)
        model.zero_grad()
        prompt.tokens.sum().backward()
        assert (model.adapters.text[-1].simple_copy.up_proj.bias.grad is not None) == learns
        assert model.adapters.text[-1].complex.up_proj.bias.grad is not None


def test_adapters_of_full_size_have_the_published_number_of_weights():
    adapters = weightless_sam3i(Sam3Config(), RELEASED).adapters
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in adapters.named_children()}
    assert counts == {
        "text": 312_095_232,
        "encoder": 597_888,
        "decoder": 597_888,
        "pixels": 0,
        "mask_embedders": 394_752,
        "projectors": 132_096,
    }
    assert sum(counts.values()) == 313_817_856


def test_projectors_may_differ_by_route():
    model = Sam3I(tiny_config(), dataclasses.replace(RELEASED, projector="separate", **SMALL))
    features = torch.randn(2, 32, 32)
    projected = [model.project(features, route) for route in (Route.CONCEPT, Route.SIMPLE, Route.COMPLEX)]
    assert not torch.equal(projected[0], projected[1])
    assert not torch.equal(projected[1], projected[2])
