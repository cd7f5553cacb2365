"""What learns from which start values; the release's are those of the authors' code."""

import dataclasses
import json
import re

import pytest
import torch
from safetensors.torch import load_file

from instructsam_ros.models.sam3i.configuration import PAPER, RELEASED
from instructsam_ros.models.sam3i.initialization import initialise, start_complex
from instructsam_ros.models.sam3i.modeling import Route, Sam3I
from test.sam3_models import tiny_config, tiny_sam3i

torch.set_num_threads(1)
STEPS = 4
THEIRS = {"simple": "adapter1", "simple_copy": "adapter12", "complex": "adapter2"}
PLACES = {
    "text": "backbone.language_backbone.encoder.transformer.resblocks",
    "encoder": "transformer.encoder.layers",
    "decoder": "transformer.decoder.layers",
}


def authors_name(name):
    """Our name of an adapter's tensor, as the golden file writes it."""
    if embedder := re.fullmatch(r"mask_embedders\.(\w+)\.layers\.\d\.(\w+)", name):
        number = {"simple": 1, "complex": 2}[embedder[1]]
        return f"segmentation_head.mask_predictor_adapter{number}.mask_embed.layers.*.{embedder[2]}"
    place, _, member, rest = name.split(".", 3)
    return f"{PLACES[place]}.*.{THEIRS[member]}.{rest}"


def train(model, route, golden, steps=STEPS):
    """The largest gradient of each group in the last step, by the authors' name."""
    optimizer = torch.optim.AdamW(model.adapters.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        adaptation = model.adaptation(route)
        prompt, _ = model.encode_text(golden["input_ids"], adaptation)
        output = model.detect(model.encode_image(golden["pixel_values"]), prompt, adaptation)
        loss = output.layers[-1].logits.mean() + output.mask_logits.mean() + output.semantic_logits.mean()
        loss.backward()
        optimizer.step()
    gradients = {}
    for name, parameter in model.adapters.named_parameters():
        if not name.startswith("projectors"):
            largest = 0.0 if parameter.grad is None else float(parameter.grad.abs().max())
            group = authors_name(name) if "pixels" not in name else name
            gradients[group] = max(largest, gradients.get(group, 0.0))
    return gradients


def magnitudes(model):
    groups = {}
    for name, parameter in model.adapters.named_parameters():
        if not name.startswith("projectors"):
            group = authors_name(name)
            groups[group] = max(float(parameter.detach().abs().max()), groups.get(group, 0.0))
    return groups


@pytest.fixture(scope="module")
def golden(sam3i_golden):
    return load_file(sam3i_golden / "tiny_io.safetensors")


@pytest.fixture
def model():
    model = tiny_sam3i().eval()
    model.net.requires_grad_(False)
    return model


def test_the_start_of_the_release_and_what_it_never_learns(sam3i_golden, golden, model):
    expected = json.loads((sam3i_golden / "init_and_learnability.json").read_text())
    expected = {
        stage: {name: row for name, row in rows.items() if not name.startswith("backbone.text.")}
        for stage, rows in expected.items()
    }
    initialise(model, "released")
    start = magnitudes(model)
    assert start.keys() == expected["stage_1_1"].keys()
    for name, row in expected["stage_1_1"].items():  # random ones have the same bound, not the same numbers
        assert start[name] == pytest.approx(row["init_absmax"], rel=0.5), name
    gradients = train(model, Route.SIMPLE, golden)
    assert {n for n, g in gradients.items() if g > 0} == {
        n for n, row in expected["stage_1_1"].items() if row["learns"]
    }
    start_complex(model, "released")
    zero = {n for n, row in expected["stage_1_2"].items() if row["init_absmax"] == 0}
    assert {n for n, value in magnitudes(model).items() if value == 0} == zero
    gradients = train(model, Route.COMPLEX, golden)
    assert {n for n, g in gradients.items() if g > 0} == {
        n for n, row in expected["stage_1_2"].items() if row["learns"]
    }


@pytest.mark.parametrize("start", ["learnable", "paper"])
def test_other_starts_leave_nothing_dead(golden, model, start):
    initialise(model)
    gradients = train(model, Route.SIMPLE, golden)
    assert all(g > 0 for n, g in gradients.items() if ".adapter1." in n or "predictor_adapter1" in n)
    start_complex(model, start)
    gradients = train(model, Route.COMPLEX, golden)
    dead = [
        n
        for n, g in gradients.items()
        if g == 0 and (".adapter12." in n or ".adapter2." in n or "predictor_adapter2" in n)
    ]
    assert dead == []


def test_the_complex_route_begins_as_the_simple_one(golden, model):
    start_complex(model, "learnable")
    assert torch.equal(
        model.adapters.text[0].simple_copy.up_proj.weight, model.adapters.text[0].simple.up_proj.weight
    )
    texts = [
        model.encode_text(golden["input_ids"], model.adaptation(route))[0].tokens
        for route in (Route.SIMPLE, Route.COMPLEX)
    ]
    torch.testing.assert_close(texts[0], texts[1])


def test_pixel_adapters_learn_too(golden):
    model = Sam3I(tiny_config(), dataclasses.replace(PAPER, bottleneck=8)).eval()
    model.net.requires_grad_(False)
    initialise(model)
    gradients = train(model, Route.SIMPLE, golden)
    simple = {name: g for name, g in gradients.items() if name.startswith("pixels") and ".simple." in name}
    assert simple
    assert all(g > 0 for g in simple.values())
    assert RELEASED.pixels is False
