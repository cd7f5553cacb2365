"""Teacher forcing and decoding compute the same states."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.models.instructsam.detector import Phrases
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training.collate import IGNORE
from instructsam_ros.training.data import scenes
from instructsam_ros.training.data.scenes import SceneDataSettings
from instructsam_ros.training.objectives.compact import batches
from instructsam_ros.training.objectives.compact.batches import SceneBatches
from instructsam_ros.training.objectives.compact.forward import forward_scene, language_states
from instructsam_ros.training.objectives.compact.losses import (
    MAX_EXCEPTION_WEIGHT,
    mask_loss,
    match,
    selection_targets,
)
from instructsam_ros.training.objectives.compact.targets import NO_OWNER, scene_targets
from instructsam_ros.training.objectives.grounding import CATEGORIES, COLORS


@pytest.fixture
def batch(scene_root, tokenizer):
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3, jitter=0.0)
    return SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]


def test_a_view_that_no_instruction_fits_gives_way_to_another(scene_root, tokenizer, monkeypatch):
    real, calls = scenes.instructions, []

    def none_at_first(*args, **kwargs):
        calls.append(args)
        return [] if len(calls) == 1 else real(*args, **kwargs)

    monkeypatch.setattr(scenes, "instructions", none_at_first)
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3)
    batch = SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]
    assert len(calls) == 3
    assert len(batch.rows.ids) == len(batch.targets) == 2 * 3


def test_views_that_no_instruction_fits_are_an_error(scene_root, tokenizer, monkeypatch):
    monkeypatch.setattr(scenes, "instructions", lambda *_, **__: [])
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=3)
    with pytest.raises(InvalidInputError, match="no instruction fits"):
        SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]


def test_a_batch_of_another_size_has_the_same_instructions(scene_root, tokenizer, monkeypatch):
    """The same size fifty times over, so that the draw does not fall on the views' own. Without objects of a
    few pixels, whose masks differ at another size.
    """
    monkeypatch.setattr(batches, "MIN_SHARE", 0.0078)
    plain, smaller = (
        SceneBatches(
            SceneDataSettings(
                roots=(str(scene_root),), images=2, instructions=3, sizes=sizes, unknown_words=0
            ),
            tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3,
        )
        for sizes in ((), ((96, 64),) * 50)
    )  # fmt: skip
    large, small = plain[0], smaller[0]
    assert large.images.shape == (2, 3, 96, 128)
    assert small.images.shape == (2, 3, 64, 96)
    assert small.id_maps.shape == (2, 32, 48)
    assert large.targets == small.targets
    assert torch.equal(large.rows.ids, small.rows.ids)
    wide, narrow = scene_targets(large), scene_targets(small)
    assert torch.allclose(wide.boxes, narrow.boxes, atol=1.5 / 32)  # a pixel of the small masks and a half
    assert (wide.masks.float().mean((1, 2)) - narrow.masks.float().mean((1, 2))).abs().max() < 0.01


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_sampled_ids_are_those_at_the_middle(rows, columns, stride):
    ids = np.arange(rows * stride * columns * stride).reshape(rows * stride, columns * stride)
    middle = stride // 2
    assert np.array_equal(batches.sampled(ids, rows, columns), ids[middle::stride, middle::stride])


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


def test_gradients_reach_every_trainable_weight(small_model, batch):
    from instructsam_ros.training.objectives.compact.losses import SceneLossSettings, scene_loss
    from instructsam_ros.training.objectives.grounding import AuxiliaryHeads

    heads = AuxiliaryHeads(32, 64, 16, 64)
    loss, _ = scene_loss(forward_scene(small_model, batch), batch, heads, SceneLossSettings())
    loss.backward()
    missing = [n for n, p in small_model.named_parameters() if p.requires_grad and p.grad is None]
    assert missing == []


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


def test_matching_gives_every_target_its_own_early_slot(small_model, batch):
    with torch.no_grad():
        output = forward_scene(small_model, batch)
    pairs = match(output.readouts[-1], batch, scene_targets(batch), order=0.7)
    for row, members in enumerate(batch.targets):
        here = pairs.row == row
        assert sorted(pairs.instance[here].tolist()) == sorted(members)
        assert sorted(pairs.query[here].tolist()) == list(range(len(members)))


def test_selection_weighs_all_objects_alike(batch):
    targets, batch = scene_targets(batch), dataclasses.replace(batch, named=batch.targets)
    image_index = torch.arange(6) // 3
    cells = selection_targets(image_index, batch, targets)
    assert torch.allclose(cells.weights.sum(1), torch.ones(6))
    for row, members in enumerate(batch.targets):
        owner = targets.owner[image_index[row]]
        for instance in owner.unique().tolist():
            here = owner == instance
            assert (cells.labels[row, here] == float(instance in members)).all()
            share = cells.weights[row, here].sum()
            assert share == pytest.approx(1 / len(owner.unique()), rel=1e-4)
    right = torch.where(cells.labels > 0, 9.0, -9.0)
    assert cells.loss(right) < 0.01 < 1 < cells.loss(-right)


def test_excluded_objects_weigh_more_in_the_selection(batch):
    """One of n objects is excluded: its weight is that of the others together, at most 4 times one."""
    targets = scene_targets(batch)
    owner = targets.owner[0]
    here = [i for i in owner.unique().tolist() if i != NO_OWNER]
    image_index = torch.zeros(1, dtype=torch.int64)
    for targeted in (here[:1], here[:3], here[1:]):
        excluded = min(set(here) - set(targeted))
        row = dataclasses.replace(batch, targets=(tuple(targeted),), named=((*targeted, excluded),))
        cells = selection_targets(image_index, row, targets)
        assert cells.weights.sum() == pytest.approx(1.0)
        share = {i: float(cells.weights[0, owner == i].sum()) for i in owner.unique().tolist()}
        weight = min(len(targeted), MAX_EXCEPTION_WEIGHT)
        assert share.pop(excluded) == pytest.approx(weight / (len(share) + weight), rel=1e-4)
        assert list(share.values()) == pytest.approx([next(iter(share.values()))] * len(share), rel=1e-4)


def test_every_instance_owns_a_cell_and_cells_only_hold_their_image(batch):
    targets = scene_targets(batch)
    owners = targets.owner[targets.owner != NO_OWNER].unique().tolist()
    assert len(owners) >= 0.9 * len(batch.id_of)
    for image, owner in enumerate(targets.owner):
        members = owner[owner != NO_OWNER]
        assert (batch.image_of[members] == image).all()


def test_mask_loss_is_small_for_the_right_mask_and_size_independent():
    small = torch.zeros(1, 32, 32, dtype=torch.bool)
    small[0, 4:8, 4:8] = True
    large = torch.zeros(1, 32, 32, dtype=torch.bool)
    large[0, 2:30, 2:30] = True
    for mask in (small, large):
        right = torch.where(mask, 8.0, -8.0)
        assert mask_loss(right, mask).item() < 0.05
        assert mask_loss(-right, mask).item() > 1.0
    empty = torch.full((1, 32, 32), -8.0)
    ratio = mask_loss(empty, small) / mask_loss(empty, large)
    assert 0.5 < ratio.item() < 2.0


def test_labels_of_the_batch_are_learned_tokens_only(batch):
    assert (batch.rows.labels[~batch.rows.valid] == IGNORE).all()
    assert np.array_equal((batch.rows.queries.sum(1)).numpy(), np.full(6, 10))


def test_phrases_are_padded_apart(batch):
    phrases = Phrases(torch.zeros(*batch.rows.phrase_ids.shape, 4), batch.rows.phrase_valid)
    assert phrases.key_mask.shape == (6, 1, 1, batch.rows.phrase_ids.shape[1])
