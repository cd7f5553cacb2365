"""The average of the weights follows the model slowly."""

import torch

from instructsam_ros.training.weight_average import WeightAverage


def test_an_average_shares_frozen_weights_and_follows_the_others(small_model):
    small_model.requires_grad_(False)
    small_model.mask_queries.requires_grad_(True)
    average = WeightAverage(small_model, 0.5)
    embedding = small_model.language.model.embed_tokens.weight
    assert average.module.language.model.embed_tokens.weight.data_ptr() == embedding.data_ptr()
    before = embedding.clone()
    small_model.mask_queries.data += 1
    average.update()
    average.gather()  # nothing to do where nothing is sharded
    assert torch.equal(embedding, before)
    moved = (average.module.mask_queries - (small_model.mask_queries - 1)).detach()
    assert 0 < float(moved.min()) < float(moved.max()) + 1e-6 < 1


def test_the_first_steps_are_followed_faster_also_after_a_continuation():
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, 0.998)
    average.load_state_dict({"weight": torch.zeros(1, 1)}, steps=2)
    model.weight.data.fill_(1.0)
    average.update()
    torch.testing.assert_close(average.module.weight.data, torch.tensor([[1 - 3 / 12]]))
    average.load_state_dict({"weight": torch.zeros(1, 1)}, steps=10**6)
    average.update()
    torch.testing.assert_close(average.module.weight.data, torch.tensor([[0.002]]))
