"""Teacher forcing and decoding compute the same states."""

import copy
import dataclasses

import torch

from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training.objectives.compact.forward import forward_scene, language_states


@torch.no_grad()
def test_another_size_is_encoded_as_by_a_model_of_that_size(small_model):
    config = small_model.config
    pixels = torch.randn(1, 3, 64, 96)
    other = InstructSam(dataclasses.replace(config, vision={"height": 64, "width": 96})).eval()
    other.load_state_dict(small_model.state_dict())
    here, there = (m.eval().encode_image(PyramidInputs(pixels)) for m in (small_model, other))
    assert torch.equal(here.tokens, there.tokens)
    assert torch.equal(here.fpn_position, there.fpn_position)


@torch.no_grad()
def test_query_states_of_training_equal_those_of_decoding(small_model, tokenizer, batch):
    model, tokens = small_model, small_model.config.tokens
    features = model.encode_image(PyramidInputs(normalize(batch.images)))
    hidden = language_states(model, features, batch.rows)
    prompts = PromptTokenizer(tokenizer.to_str(), model.config)
    for row in range(len(batch.rows.ids)):
        image = features.rows(torch.tensor([row // 3]))
        ids = batch.rows.ids[row][batch.rows.valid[row]].tolist()
        start = ids.index(tokens.ref_start)
        generated_ids = [*ids[start : ids.index(tokens.ref_end) + 1], tokens.eos[0]]
        prompt = [*prompts.image_ids(features.tokens.shape[1]), *ids[:start]]
        answer = model.generate(image, prompt, choose=lambda step, _, plan=generated_ids: plan[step])
        assert answer.ids == tuple(generated_ids)
        trained = hidden[row][batch.rows.queries[row]]
        assert torch.allclose(answer.queries[0], trained, atol=1e-4)


@torch.no_grad()
def test_shared_rows_equal_one_image_at_a_time(small_model, batch):
    """Sharing the image side between instructions changes no read-out."""
    output = forward_scene(small_model, batch)
    features = small_model.encode_image(PyramidInputs(normalize(batch.images)))
    hidden = language_states(small_model, features, batch.rows)
    for row in range(len(batch.rows.ids)):
        image = features.rows(torch.tensor([row // 3]))
        queries = small_model.mask_hidden_fcs(hidden[row][batch.rows.queries[row]])[None]
        embeds = small_model.text_hidden_fcs(small_model.language.embed(batch.rows.phrase_ids[row : row + 1]))
        alone = small_model.detector(image, embeds, batch.rows.phrase_valid[row : row + 1], queries)
        last = output.readouts[-1]
        assert torch.allclose(alone.score_logits[0], last.score_logits[row], atol=1e-4)
        together = output.fine_logits(last.mask_embeds[row], last.boxes[row], torch.full((10,), row // 3))
        assert torch.allclose(alone.mask_logits[0], together, atol=1e-3)


@torch.no_grad()
def test_half_precision_is_close_to_float32(small_model, batch):
    """On a GPU, and on a CPU that computes in bfloat16, the whole model runs in it.

    In training mode, where rounding does not decide which of several similar cells a query is assigned to.
    """
    small_model.train()
    inputs = PyramidInputs(normalize(batch.images))
    half = copy.deepcopy(small_model).bfloat16()
    queries = torch.randn(2, 10, small_model.config.hidden_size)
    phrases = [(5,), (6, 7)]
    exact = small_model.segment_phrases(small_model.encode_image(inputs), phrases, queries)
    features = half.encode_image(inputs.to("cpu", torch.bfloat16))
    rough = half.segment_phrases(features, phrases, queries.bfloat16())
    assert torch.allclose(rough.boxes.float(), exact.boxes, atol=0.05)
    assert torch.allclose(rough.score_logits.float(), exact.score_logits, atol=0.1)


@torch.no_grad()
def test_a_prepared_image_gives_the_same_results(small_model, batch):
    features = small_model.encode_image(PyramidInputs(normalize(batch.images[:1])))
    queries = torch.randn(2, 10, small_model.config.hidden_size)
    prepared = small_model.detector.prepare(features)
    assert small_model.detector.prepare(prepared) is prepared
    plain, again = (small_model.segment_phrases(f, [(5,), (6, 7)], queries) for f in (features, prepared))
    assert torch.equal(plain.mask_logits, again.mask_logits)
    assert torch.equal(plain.score_logits, again.score_logits)


@torch.no_grad()
def test_an_untrained_selection_changes_nothing(small_model, batch):
    """A run that starts from weights without it starts as good as they were."""
    before = forward_scene(small_model, batch).readouts[-1]
    assert (before.selection_logits == 0).all()
    small_model.detector.pointer.choice_score.fill_(3.0)
    after = forward_scene(small_model, batch).readouts[-1]
    assert torch.equal(before.attention, after.attention)
    assert torch.equal(before.score_logits, after.score_logits)


def test_nouns_are_found_where_they_are_written(batch, tokenizer):
    mentions = batch.mentions
    assert len(mentions.row) == len(mentions.token) == len(mentions.instances) > 0
    words = {index: word for word, index in tokenizer.get_vocab().items()}
    for row, token, instances in zip(mentions.row, mentions.token, mentions.instances, strict=True):
        here = {i for i, image in enumerate(batch.image_of.tolist()) if image == row // 3}
        assert set(instances) <= here
        assert batch.rows.valid[row, token]
        # Not "of": a purpose may end in it ("something to drink out of").
        assert words[int(batch.rows.ids[row, token])] not in ("the", "a", "<pad>", "<|im_end|>")
