"""The arms of the design study differ in what they say they differ in, and are run as they are trained."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from benchmarks.design_study import questions
from benchmarks.design_study.latency import both_ways
from benchmarks.design_study.one_token import NEVER, forward_one_token
from benchmarks.design_study.start import FRESH, IMAGE_SIDE, freeze_image_side
from benchmarks.design_study.train import ArmRun
from benchmarks.design_study.variants import ARMS
from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.models.instructsam.compact.image_encoder import PyramidInputs, normalize
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training import checkpoint
from instructsam_ros.training.classes import CATEGORIES, COLORS
from instructsam_ros.training.config import TrainSettings
from instructsam_ros.training.data.scenes import SceneBatches, SceneDataSettings
from instructsam_ros.training.objectives.compact.forward import forward_scene
from instructsam_ros.training.objectives.compact.losses import match, scene_loss
from instructsam_ros.training.objectives.compact.targets import scene_targets
from instructsam_ros.training.objectives.grounding import AuxiliaryHeads
from instructsam_ros.training.trainer import Trainer
from instructsam_ros.types import Instance, tight_box
from instructsam_ros.yaml_config import build


@pytest.fixture
def batch(scene_root, tokenizer):
    settings = SceneDataSettings(roots=(str(scene_root),), images=2, instructions=4, jitter=0.0)
    return SceneBatches(settings, tokenizer, CATEGORIES, COLORS, num_queries=10, seed=3)[0]


@pytest.fixture(params=sorted(ARMS))
def arm(request):
    return ARMS[request.param]


@pytest.fixture
def one_token(small_model):
    return ARMS["one-token"].convert(small_model).eval()


def answer_of_row(model, tokenizer, batch, row):
    """Decode the row's instruction with the row's phrase."""
    tokens = model.config.tokens
    images = PyramidInputs(normalize(batch.images))
    features = model.encode_image(images).rows(torch.tensor([row // 4]))
    ids = batch.rows.ids[row][batch.rows.valid[row]].tolist()
    start, end = ids.index(tokens.ref_start), ids.index(tokens.ref_end)
    plan = [*ids[start : end + 1], tokens.eos[0]]
    prompts = PromptTokenizer(tokenizer.to_str(), model.config)
    prompt = [*prompts.image_ids(features.tokens.shape[1]), *ids[:start]]
    return features, model.answer(features, prompt, choose=lambda step, _: plan[step])


@torch.no_grad()
def test_one_token_training_sees_what_decoding_sees(one_token, tokenizer, batch):
    output = forward_one_token(one_token, batch)
    last = output.readouts[-1]
    rows = [row for row, members in enumerate(batch.targets) if members]
    assert len({len(batch.targets[row]) for row in rows}) > 1
    for row in rows:
        count = len(batch.targets[row])
        one_token.another = lambda found, _, count=count: found < count
        features, answer = answer_of_row(one_token, tokenizer, batch, row)
        found = one_token.segment_phrases(features, *one_token.answered_phrases(answer))
        assert found.score_logits.shape == (1, count)
        assert torch.allclose(found.score_logits[0], last.score_logits[row, :count], atol=1e-4)
        embeds, boxes = last.mask_embeds[row, :count], last.boxes[row, :count]
        trained = output.fine_logits(embeds, boxes, torch.full((count,), row // 4))
        assert torch.allclose(found.mask_logits[0], trained, atol=1e-3)


@torch.no_grad()
def test_one_token_may_say_that_there_is_nothing(one_token, tokenizer, batch):
    one_token.another = lambda *_: False
    _, answer = answer_of_row(one_token, tokenizer, batch, 0)
    assert answer.ids[-1] == one_token.config.tokens.eos[0]
    assert one_token.answered_phrases(answer)[0] == []


@torch.no_grad()
def test_one_token_ends_after_as_many_as_the_bank_holds(one_token, tokenizer, batch):
    one_token.another = lambda *_: True
    _, answer = answer_of_row(one_token, tokenizer, batch, 0)
    assert answer.queries.shape[1] == 1 + one_token.config.num_queries


@torch.no_grad()
def test_one_token_decides_once_more_than_there_are_targets(one_token, batch):
    scores = forward_one_token(one_token, batch).readouts[-1].score_logits
    for row, members in enumerate(batch.targets):
        assert ((scores[row] != NEVER).sum() == min(len(members) + 1, 10)).item()


@torch.no_grad()
def test_one_token_targets_stand_from_left_to_right(one_token, batch):
    output, targets = forward_one_token(one_token, batch), scene_targets(batch)
    pairs = match(output.readouts[-1], batch, targets, ARMS["one-token"].loss.order)
    for row, members in enumerate(batch.targets):
        here = pairs.row == row
        by_slot = pairs.instance[here][pairs.query[here].argsort()]
        assert sorted(by_slot.tolist()) == sorted(members)
        assert targets.boxes[by_slot, 0].diff().ge(0).all()


@torch.no_grad()
def test_only_hybrid_attention_lets_a_query_see_later_ones(small_model, batch):
    model = copy.deepcopy(small_model)

    def first_query_depends_on_the_last(name):
        arm = ARMS[name].convert(copy.deepcopy(model)).eval()
        before = forward_scene(arm, batch).readouts[0].mask_embeds[:, 0]
        arm.mask_queries[-1] += 1
        return not torch.allclose(before, forward_scene(arm, batch).readouts[0].mask_embeds[:, 0], atol=1e-6)

    assert first_query_depends_on_the_last("full")
    assert not first_query_depends_on_the_last("causal")


@torch.no_grad()
def test_without_phrase_conditioning_the_memory_is_that_of_the_image(small_model, batch):
    model = ARMS["null-phrase"].convert(small_model).eval()
    memory = forward_scene(model, batch).phrase_memory.unflatten(0, (2, 4))
    assert torch.allclose(memory, memory[:, :1].expand_as(memory), atol=1e-4)


def test_no_arm_learns_a_common_choice(small_model):
    freeze_image_side(small_model)
    choice = {n for n, _ in small_model.named_parameters() if n.startswith("detector.pointer.choice_")}
    assert choice
    assert not any(small_model.get_parameter(name).requires_grad for name in choice)
    assert any(parameter.requires_grad for parameter in small_model.parameters())


def test_every_arm_trains_all_that_it_has_of_its_own(arm, small_model, batch):
    model = arm.convert(small_model).train()
    heads = AuxiliaryHeads(32, 64, 16, 64)
    loss, _ = scene_loss(arm.forward(model, batch), batch, heads, arm.loss)
    loss.backward()
    assert torch.isfinite(loss)
    missing = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    # The bank's own scores are not read where the language model decides.
    scores = (
        "detector.pointer.score",
        "detector.pointer.choice_score",
        "detector.dot_product_scoring",
        "detector.detr_decoder.output_layer_norm",
    )
    assert all(arm is ARMS["one-token"] and name.startswith(scores) for name in missing)


def test_every_arm_answers(arm, small_model, tokenizer, scene_root):
    model = arm.convert(small_model).eval()
    model.config = dataclasses.replace(model.config, score_threshold=0.0)
    segmenter = InstructSamSegmenter(model, PromptTokenizer(tokenizer.to_str(), model.config))
    answered = questions.ask(
        questions.every_mask(segmenter),
        lambda q: segmenter.segment(q.features, q.item.text).instances,
        str(scene_root),
        views=2,
        per_view=2,
    )
    assert len(answered) == 4


def perfect(question):
    """The truth, and the first instance once more."""
    masks = [*question.truth, *question.truth[:1]]
    return [Instance(mask, tight_box(mask), 0.9 - 0.01 * i, "thing") for i, mask in enumerate(masks)]


def test_answers_are_read_as_they_were_written(small_model, tokenizer, scene_root, tmp_path):
    segmenter = InstructSamSegmenter(small_model, PromptTokenizer(tokenizer.to_str(), small_model.config))
    answered = questions.ask(segmenter, perfect, str(scene_root), views=3, per_view=6)
    with_target = [a for a in answered if a.score.iou.shape[1]]
    assert 0 < len(with_target) < len(answered)
    assert all(a.score.united_iou == 1 for a in answered)
    assert all(a.duplicates == 1 and a.score.duplicates == 0 for a in with_target)
    questions.save(tmp_path / "a.json", answered, {"seed": 1})
    again, about = questions.load(tmp_path / "a.json")
    assert about == {"seed": 1}
    for ours, theirs in zip(answered, again, strict=True):
        assert np.array_equal(ours.score.iou, theirs.score.iou)
        assert dataclasses.replace(ours, score=theirs.score) == theirs


@pytest.fixture
def run_settings(small_model_file, scene_root, published_backbone, tmp_path):
    """Of an arm on top of an image side that one step has trained."""
    image = build(
        TrainSettings,
        {
            "model": str(small_model_file),
            "backbone": str(published_backbone),
            "out": str(tmp_path / "image"),
            "steps": 1,
            "image_only_steps": 1,
            "threads": 1,
            "workers": 0,
            "data": {"roots": [str(scene_root)], "images": 2, "instructions": 2},
            "evaluation": {"root": str(scene_root), "every": 2, "views": 2, "instructions": 2},
        },
    )
    Trainer(image).run()
    return dataclasses.replace(
        image, backbone="", init=image.out, out=str(tmp_path / "arm"), steps=4, image_only_steps=0
    )


def test_a_run_of_an_arm_resumes_to_the_same_bits_on_an_untouched_image_side(run_settings, tmp_path):
    whole = ArmRun("one-token", run_settings)
    start = copy.deepcopy(whole.model.state_dict())
    whole.run()
    parts = dataclasses.replace(run_settings, out=str(tmp_path / "again"))
    for until in (1, 4):
        resumed = ArmRun("one-token", parts)
        resumed.run(until)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        image_side = name.startswith(IMAGE_SIDE) and not name.startswith(FRESH)
        assert not image_side or torch.equal(value, start[name]), name
    taken = checkpoint.load(tmp_path / "image")["average"]
    assert torch.equal(start["image_encoder.merge16.0.weight"], taken["image_encoder.merge16.0.weight"])
    assert not torch.equal(start["language.model.norm.weight"], whole.model.language.model.norm.weight)
    assert "giou" in (tmp_path / "arm" / "eval.csv").read_text()


def test_all_arms_of_a_seed_start_alike(run_settings):
    models = [ArmRun(name, run_settings).model for name in ARMS]
    for model in models:
        assert torch.equal(model.mask_hidden_fcs[0][0].weight, models[0].mask_hidden_fcs[0][0].weight)
        assert torch.equal(model.mask_queries[0], models[0].mask_queries[0])


@torch.no_grad()
def test_both_ways_can_be_made_to_find_any_number(small_model, tokenizer, batch):
    for model in both_ways(small_model).values():
        for count in (1, 4, 10):
            model.count = count
            features, answer = answer_of_row(model, tokenizer, batch, 0)
            found = model.segment_phrases(features, *model.answered_phrases(answer))
            assert (found.score_logits > 0).sum() == count
