"""Teacher forcing and decoding of [SEG] tokens compute the same."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from instructsam_ros.models.instructsam.checkpoint import new_model
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.initialization import initialise
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS
from instructsam_ros.training.objectives.seg_token.forward import NEVER, forward_seg_tokens


@pytest.fixture
def model(small_model):
    torch.manual_seed(0)
    model = new_model(dataclasses.replace(small_model.config, instance_decoding="autoregressive"))
    initialise(model)
    return model.eval()


@pytest.fixture
def batch(scene_root, tokenizer):
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=4, jitter=0.0)
    return SceneBatches(settings, tokenizer, CATEGORIES, COLORS, 10, seed=3, seg_tokens=True)[0]


@torch.no_grad()
def test_read_outs_of_training_equal_those_of_decoding(model, tokenizer, batch) -> None:
    output = forward_seg_tokens(model, batch)
    features = model.encode_image(PyramidInputs(normalize(batch.images)))
    prompts = PromptTokenizer(tokenizer.to_str(), model.config)
    counts = [len(targets) for targets in batch.targets]
    assert batch.rows.queries.sum(1).tolist() == counts
    assert len(set(counts)) > 2
    for row, count in enumerate(counts):
        image = features.rows(torch.tensor([row // 4]))
        ids = batch.rows.ids[row][batch.rows.valid[row]].tolist()
        start = ids.index(model.config.tokens.ref_start)
        prompt = [*prompts.image_ids(features.tokens.shape[1]), *ids[:start]]
        answer = model.generate(image, prompt, choose=lambda step, _, plan=ids[start:]: plan[step])
        assert answer.ids == tuple(ids[start:])
        last = output.readouts[-1]
        assert (last.score_logits[row, count + 1 :] == NEVER).all()
        phrases, states = model.generated_phrases(answer)
        assert len(phrases) == (count > 0)
        if count:
            alone = model.segment_phrases(image, phrases, states)
            assert torch.allclose(alone.score_logits[0], last.score_logits[row, :count], atol=1e-3)
            masks = output.fine_logits(
                last.mask_embeds[row, :count], last.boxes[row, :count], torch.full((count,), row // 4)
            )
            assert torch.allclose(alone.mask_logits[0], masks, atol=1e-2)
