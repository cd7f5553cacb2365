"""Every weight of a model is in one part, and a part that does not exist is named."""

import pytest

from instructsam_ros.training.parts import INSTRUCTSAM_RATES, check_rates, instructsam_part


def test_every_parameter_of_the_model_has_a_part(tiny_model):
    names = [name for name, _ in tiny_model.named_parameters()]
    parts = {name: instructsam_part(name, {"merger": 0.5}) for name in names}
    assert {part.name for part in parts.values()} == set(INSTRUCTSAM_RATES)
    assert parts["mask_queries"].rate == 1
    assert parts["image_encoder.vision_tower.merger.norm.weight"].rate == 0.5
    assert parts["image_encoder.vision_tower.deepstack_merger_list.0.norm.weight"].name == "vision_tower"
    assert parts["language.model.layers.0.mlp.up_proj.weight"].name == "language"
    assert parts["language.model.embed_tokens.weight"].name == "embeddings"
    frozen = [part for part in parts.values() if part.rate == 0]
    assert {part.name for part in frozen} == {"pixel_tower"}
    assert all(part.pretrained for part in frozen)
    with pytest.raises(KeyError):
        instructsam_part("something.else", {})


@pytest.mark.parametrize(
    ("rates", "message"), [({"eyes": 1.0}, "no part eyes; parts are"), ({"queries": -1.0}, "queries: -1")]
)
def test_rates_that_cannot_be_are_named(rates, message):
    with pytest.raises(ValueError, match=message):
        check_rates(rates)
