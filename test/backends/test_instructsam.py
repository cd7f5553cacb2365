"""InstructSamSegmenter on a tiny folder with random weights and a small tokenizer."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import instructsam_ros.segmenter
from instructsam_ros.backends.instructsam import DecodedSegmentation, InstructSamSegmenter, load
from instructsam_ros.errors import CancelledError, CheckpointError, ConfigError, InvalidInputError
from instructsam_ros.models.instructsam.checkpoint import save_folder
from instructsam_ros.models.instructsam.detector import DetectorOutput
from instructsam_ros.models.instructsam.generation import Generation
from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.types import PhraseAnswer, Segmentation, Status

torch.set_num_threads(1)
TWO_PHRASES = [508, 1, 2, 509, 20, 508, 5, 6, 509, 511]


@pytest.fixture
def folder(tiny_folder: Path) -> Path:
    return tiny_folder


@pytest.fixture
def segmenter(folder: Path) -> InstructSamSegmenter:
    return load(str(folder), "cpu", dtype="float32")


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def says(monkeypatch: pytest.MonkeyPatch, segmenter: InstructSamSegmenter, ids: list[int]) -> None:
    """Make the model answer with ``ids``, whatever it is asked."""
    answer = segmenter.model.generate

    def scripted(*args: Any, **kwargs: Any) -> Generation:
        return answer(*args, **{**kwargs, "choose": lambda step, _logits: ids[step]})

    monkeypatch.setattr(segmenter.model, "generate", scripted)


def scores(monkeypatch: pytest.MonkeyPatch, segmenter: InstructSamSegmenter, kept: list[int]) -> None:
    """Make the detector keep the first ``kept[row]`` queries of each phrase, on the left half."""
    detect = segmenter.model.segment_phrases

    def scripted(*args: Any) -> DetectorOutput:
        output = detect(*args)
        score = torch.full_like(output.score_logits, -5.0)
        for row, count in enumerate(kept):
            score[row, :count] = 5.0
        mask = torch.full_like(output.mask_logits, -1.0)
        mask[..., : mask.shape[-1] // 2] = 1.0
        return dataclasses.replace(output, score_logits=score, mask_logits=mask)

    monkeypatch.setattr(segmenter.model, "segment_phrases", scripted)


@pytest.fixture
def talkative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> InstructSamSegmenter:
    """Names two phrases and keeps every mask: random weights would rarely do either."""
    segmenter = load(str(folder), "cpu", dtype="float32", score_threshold=0.0)
    says(monkeypatch, segmenter, TWO_PHRASES)
    return segmenter


def equal(a: Segmentation, b: Segmentation) -> bool:
    return (
        (a.status, a.answer, len(a.instances)) == (b.status, b.answer, len(b.instances))
        and all((x.mask != y.mask).mean() < 1e-3 for x, y in zip(a.instances, b.instances, strict=True))
        and all(abs(x.score - y.score) < 1e-5 for x, y in zip(a.instances, b.instances, strict=True))
    )


def test_masks_have_the_size_of_the_image(
    segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, segmenter, TWO_PHRASES)
    scores(monkeypatch, segmenter, [2, 1])
    result = segmenter.segment_image(rgb, "the red mug and the blue bowl")
    assert result.status == Status.OK
    assert [i.phrase for i in result.instances] == ["red mug", "red mug", "blue bowl"]
    assert result.answer == "red mug w20 blue bowl"
    for instance in result.instances:
        assert instance.mask.shape == (50, 70)
        assert instance.box.tolist() == [0, 0, 35, 50]
        assert instance.mask.sum() == 35 * 50
        assert instance.score == pytest.approx(torch.tensor(5.0).sigmoid().item())
    assert set(result.timings) == {"encode", "generate", "masks"}


def test_all_queries_of_one_phrase_mean_saturated(
    segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, segmenter, TWO_PHRASES)
    scores(monkeypatch, segmenter, [1, 10])
    result = segmenter.segment_image(rgb, "everything")
    assert result.status == Status.MAX_INSTANCES
    assert len(result.instances) == 11


def test_a_generation_without_an_end_warns_of_missing_instances(
    segmenter: InstructSamSegmenter,
    rgb: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    says(monkeypatch, segmenter, [*TWO_PHRASES[:-1], 20, 20, 20])  # 12 tokens, as many as it may say
    scores(monkeypatch, segmenter, [1, 1])
    result = segmenter.segment_image(rgb, "everything")
    assert result.status == Status.MAX_INSTANCES
    assert "cut off after 12 tokens" in caplog.text
    caplog.clear()
    again = segmenter.segment(segmenter.encode(rgb), "everything", previous=result)
    assert again.status == Status.MAX_INSTANCES
    assert not caplog.text  # a stream says it once


def test_a_phrase_that_is_never_closed_warns_of_missing_instances(
    segmenter: InstructSamSegmenter,
    rgb: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The text names it, and it has no masks."""
    says(monkeypatch, segmenter, [*TWO_PHRASES[:-2], TWO_PHRASES[-1]])
    scores(monkeypatch, segmenter, [1])
    result = segmenter.segment_image(rgb, "the red mug and the blue bowl")
    assert [i.phrase for i in result.instances] == ["red mug"]
    assert "blue bowl" in result.answer
    assert result.status == Status.MAX_INSTANCES
    assert "begins a phrase that it does not end" in caplog.text


def test_an_answer_that_is_cut_off_before_its_first_phrase_is_not_taken_for_nothing_there(
    segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, segmenter, [20] * 12)
    result = segmenter.segment_image(rgb, "everything")
    assert (result.status, result.instances) == (Status.MAX_INSTANCES, ())


@pytest.mark.parametrize("kept", [[0, 0], []], ids=["low scores", "no phrase"])
def test_nothing_found_is_an_answer(
    segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch, kept: list[int]
) -> None:
    says(monkeypatch, segmenter, TWO_PHRASES if kept else [20, 511])
    scores(monkeypatch, segmenter, kept)
    result = segmenter.segment_image(rgb, "the unicorn")
    assert (result.status, result.instances) == (Status.NO_TARGET, ())


def test_previous_answer_changes_nothing(talkative: InstructSamSegmenter, rgb: np.ndarray) -> None:
    features = talkative.encode(rgb)
    plain = talkative.segment(features, "red mug")
    assert plain.status == Status.MAX_INSTANCES
    for previous in (plain, DecodedSegmentation((), "", Status.OK, generated_ids=(508, 1, 509, 511))):
        assert equal(talkative.segment(features, "red mug", previous=previous), plain)


@pytest.mark.parametrize(
    ("instruction", "tokens", "passes"),
    [
        ("red mug", [508, 1, 2, 509, 511], 1),
        ("Red mug.", [508, 1, 2, 509, 511], 1),
        ("red mug", [508, 1, 2, 509, 20, 508, 5, 509, 511], 5),
        ("red mug", [20, 511], 2),
    ],
    ids=["confirmed", "cleaned up", "goes on", "wrong"],
)
def test_a_direct_phrase_is_checked_in_one_pass(
    segmenter: InstructSamSegmenter,
    rgb: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    instruction: str,
    tokens: list[int],
    passes: int,
) -> None:
    says(monkeypatch, segmenter, tokens)
    scores(monkeypatch, segmenter, [2] * tokens.count(509))
    features = segmenter.encode(rgb)
    count: list[int] = []
    segmenter.model.language.register_forward_hook(lambda *_: count.append(1))
    guessed = segmenter.segment(features, instruction)
    assert len(count) == passes
    monkeypatch.setattr(segmenter.prompts, "phrase_generation", lambda _instruction: [])
    decoded = segmenter.segment(features, instruction)
    assert guessed.generated_ids == decoded.generated_ids == tuple(tokens)
    assert equal(guessed, decoded)
    assert guessed.generation is not None
    torch.testing.assert_close(guessed.generation.queries, decoded.generation.queries, atol=2e-5, rtol=0)


def test_a_long_instruction_is_no_phrase(segmenter: InstructSamSegmenter) -> None:
    assert segmenter.prompts.phrase_generation("w11 w12 w13 w14 w15 w16") != []
    assert segmenter.prompts.phrase_generation("w11 w12 w13 w14 w15 w16 w17") == []
    assert segmenter.prompts.phrase_generation(".") == []


def test_two_threads_get_what_one_gets(talkative: InstructSamSegmenter) -> None:
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (40 + 8 * i, 64, 3), dtype=np.uint8) for i in range(3)]
    jobs = [(image, text) for image in images for text in ("red mug", "blue bowl", "w44 w45 w46")] * 2
    alone = [talkative.segment_image(*job) for job in jobs]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda job: talkative.segment_image(*job), jobs))
    assert all(map(equal, alone, together))


def test_shared_features_serve_two_threads(talkative: InstructSamSegmenter, rgb: np.ndarray) -> None:
    features, texts = talkative.encode(rgb), ["red mug", "blue bowl"] * 4
    alone = [talkative.segment(features, text) for text in texts]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda text: talkative.segment(features, text), texts))
    assert all(map(equal, alone, together))


def test_cancel_stops_between_tokens(segmenter: InstructSamSegmenter, rgb: np.ndarray) -> None:
    polls = iter([False, False, False, True])
    with pytest.raises(CancelledError):
        segmenter.segment(segmenter.encode(rgb), "red mug", cancel=lambda: next(polls))
    assert next(polls, None) is None


def test_control_tokens_in_an_instruction_are_text(segmenter: InstructSamSegmenter) -> None:
    ids = segmenter.prompts.instruction_ids("red <|image_pad|> <|im_end|> mug")
    assert 500 not in ids
    assert ids.count(511) == 1  # the template's own
    assert ids[0] == 1


@pytest.mark.parametrize("text", ["", "   ", "x" * 3000])
def test_unusable_instruction(segmenter: InstructSamSegmenter, rgb: np.ndarray, text: str) -> None:
    with pytest.raises(InvalidInputError):
        segmenter.segment(segmenter.encode(rgb), text)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (300, 1, 3)])
def test_extreme_image_sizes(talkative: InstructSamSegmenter, shape: tuple[int, ...]) -> None:
    result = talkative.segment_image(np.zeros(shape, np.uint8), "red mug")
    assert [answer.text for answer in result.phrases] == ["red mug", "blue bowl"]
    assert {instance.mask.shape for instance in result.instances} <= {shape[:2]}


def test_registry_finds_a_folder(folder: Path) -> None:
    segmenter = instructsam_ros.segmenter.load(str(folder), device="cpu", score_threshold=0.9)
    assert isinstance(segmenter, instructsam_ros.segmenter.Segmenter)
    assert segmenter.model.config.score_threshold == 0.9


@pytest.mark.parametrize(
    ("device", "options", "message"),
    [
        ("cuda:99", {}, "no cuda:99"),
        ("gpu", {}, "unknown device"),
        ("cpu", {"dtype": "int8"}, "unknown dtype"),
        ("cpu", {"score_threshold": 2.0}, "score_threshold"),
        ("cpu", {"score_threshold": "high"}, "score_threshold"),
        ("cpu", {"threads": 0}, "threads"),
        ("cpu", {"threads": "two"}, "threads"),
        ("cpu", {"threads": 10**9}, "threads"),
        ("cpu", {"offline": "yes"}, "offline must be true or false"),
        ("cpu", {"revision": 3}, "revision must be a text, got 3; put it in quotes"),
        ("cpu", {"inference_mode": 3}, "inference_mode"),
        ("mps", {}, "not supported"),
        ("meta", {}, "not supported"),
    ],
)
def test_unusable_options(folder: Path, device: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(str(folder), device, **options)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_answers_nearly_the_same(
    folder: Path, rgb: np.ndarray, dtype: str, tolerance: float
) -> None:
    models = [load(str(folder), "cpu", dtype=name).model for name in ("float32", dtype)]
    queries = models[0].mask_hidden_fcs[0][0].weight[:10][None]
    outputs = []
    with torch.inference_mode():
        for model in models:
            kind = model.mask_queries.dtype
            inputs = model.image_encoder.preprocess(rgb).to("cpu", kind)
            outputs.append(
                model.segment_phrases(model.encode_image(inputs), [(508, 1, 509)], queries.to(kind))
            )
    exact, half = (output.mask_logits.float() for output in outputs)
    assert (half - exact).abs().mean() < tolerance * exact.abs().mean()


def test_inference_mode_can_be_chosen_when_loading(folder: Path) -> None:
    assert load(str(folder), "cpu").model.config.mode == RELEASED
    assert load(str(folder), "cpu", inference_mode="paper").model.config.mode == PAPER
    variant = load(
        str(folder), "cpu", inference_mode={"preset": "paper", "block_offset": 1}
    ).model.config.mode
    assert variant == dataclasses.replace(PAPER, block_offset=1)
    with pytest.raises(ConfigError, match="preset 'quick'"):
        load(str(folder), "cpu", inference_mode="quick")


def test_former_names_of_options_are_read(folder: Path) -> None:
    loaded = instructsam_ros.segmenter.load(
        str(folder), device="cpu", behaviour="paper", approximations={"reuse_frames": 3}
    )
    assert isinstance(loaded, InstructSamSegmenter)
    assert loaded.model.config.mode == PAPER
    assert loaded.reuse_frames == 3
    with pytest.raises(ConfigError, match="approximations and speed_options are the same setting"):
        instructsam_ros.segmenter.load(str(folder), device="cpu", approximations={}, speed_options={})


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist"), ("{", "not usable"), ("more words", "the model embeds 512")],
)
def test_unusable_tokenizer(
    tiny_model: InstructSam, folder: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    if content == "more words":
        larger = Tokenizer.from_file(str(folder / "tokenizer.json"))
        larger.add_tokens(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
        content = larger.to_str()
    save_folder(tiny_model, tmp_path, content)
    with pytest.raises(CheckpointError, match=message):
        load(str(tmp_path), "cpu")


def test_a_phrase_without_instances_is_told(
    segmenter: InstructSamSegmenter, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, segmenter, TWO_PHRASES)
    scores(monkeypatch, segmenter, [2, 0])
    result = segmenter.segment_image(rgb, "the red mug and the blue bowl")
    assert result.status == Status.OK
    assert result.phrases == (PhraseAnswer("red mug", Status.OK), PhraseAnswer("blue bowl", Status.NO_TARGET))
