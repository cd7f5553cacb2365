"""The contract of Segmenter, for every backend that can be loaded here."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from instructsam_ros import segmenter as registry
from instructsam_ros.errors import CancelledError, ConfigError, InvalidInputError
from instructsam_ros.models.sam3.modeling import Sam3
from instructsam_ros.paths import SHIPPED_MODELS
from instructsam_ros.segmenter import EverythingSegmenter, PromptSegmenter, Segmenter, load
from instructsam_ros.types import MAX_INSTRUCTION_CHARS, Status, tight_box
from test.chat_server import call, chat_server, text_of

# "tiny" is InstructSAM with the golden weights, too small to be right about anything; "onnx" its export;
# "agent" is a scripted chat model above the fake
FAMILY = ["sam3", "sam3i", "seg_token", "compact_sam3", "compact_sam3i"]  # tiny, too
MODELS = ["fake", "tiny", "onnx", "agent", *FAMILY, *SHIPPED_MODELS]
INSTRUCTIONS = ["the red mug", "all objects", "何か赤いもの 🍎", "x" * MAX_INSTRUCTION_CHARS]


@pytest.fixture(scope="module")
def selects_all():
    """A chat model that searches for the instruction and takes all that is found."""

    def answer(body):
        told = text_of(body["messages"][-2])
        if "found nothing" in text_of(body["messages"][-1]):
            return call("report_no_mask")
        if found := re.search(r"numbered from 1 to (\d+)", told):
            return call("select_masks_and_return", final_answer_masks=list(range(1, int(found[1]) + 1)))
        return call("segment_phrase", text_prompt=text_of(body["messages"][1])[-60:])

    with chat_server(answer) as server:
        yield server


@pytest.fixture(scope="module", params=MODELS)
def segmenter(request):
    if request.param == "tiny":
        return load(str(request.getfixturevalue("tiny_folder")), device="cpu")
    if request.param == "onnx":
        return load(str(request.getfixturevalue("tiny_export")), device="cpu", backend="onnx", threads=1)
    if request.param in FAMILY:
        folder = str(request.getfixturevalue(f"{request.param}_folder"))
        if request.param == "seg_token":
            return load(folder, device="cpu", backend="seg_token")
        if request.param.startswith("compact_"):
            backend = request.param.removeprefix("compact_")
            return load(folder, device="cpu", backend=backend, score_threshold=0.02)
        clicks = {"tracker": str(request.getfixturevalue("sam3_folder")), "grid": 4}
        return load(folder, device="cpu", backend=request.param, score_threshold=0.1, **clicks)
    if request.param == "agent":
        server = request.getfixturevalue("selects_all")
        return load("tiny", device="cpu", backend="agent", url=server.url, segmenter={"model": "fake"})
    # Exact comparisons: bfloat16, where a processor has it, rounds differently with a previous answer.
    exact = {"dtype": "float32"} if request.param in SHIPPED_MODELS else {}
    return load(request.param, device="cpu", **exact)


def picture(height=48, width=64):
    image = np.full((height, width, 3), 160, np.uint8)
    image[height // 4 : height // 2, width // 4 : width // 2] = (200, 20, 30)
    image[height // 2 :, : width // 5] = (20, 40, 200)
    return image


def same(first, second):
    assert (first.status, first.answer) == (second.status, second.answer)
    assert [i.phrase for i in first.instances] == [i.phrase for i in second.instances]
    for one, other in zip(first.instances, second.instances, strict=True):
        assert np.array_equal(one.mask, other.mask)
        assert one.score == pytest.approx(other.score, abs=1e-5)


def test_is_a_segmenter_with_a_name(segmenter):
    assert isinstance(segmenter, Segmenter)
    assert segmenter.name


@pytest.mark.parametrize("size", [(48, 64), (37, 53), (1, 1), (1, 200)])
@pytest.mark.parametrize("instruction", INSTRUCTIONS, ids=["one", "all", "unicode", "longest"])
def test_answers_are_well_formed(segmenter, size, instruction):
    rgb = picture(*size)
    result = segmenter.segment_image(rgb, instruction)
    assert result.status != Status.OK or result.instances
    assert result.status != Status.NO_TARGET or not result.instances
    assert all(seconds >= 0 for seconds in result.timings.values())
    for instance in result.instances:
        assert instance.mask.dtype == bool
        assert instance.mask.shape == size
        assert instance.mask.any()
        assert instance.box.dtype == np.float32
        assert np.array_equal(instance.box, tight_box(instance.mask))
        assert 0 <= instance.score <= 1
        assert isinstance(instance.phrase, str)


def test_features_serve_any_instruction_in_any_order(segmenter):
    rgb = picture()
    features = segmenter.encode(rgb)
    for instruction in (*INSTRUCTIONS[:3], *INSTRUCTIONS[:3]):
        same(segmenter.segment(features, instruction), segmenter.segment_image(rgb, instruction))


def test_encode_neither_changes_nor_keeps_the_image(segmenter):
    rgb = picture()
    features = segmenter.encode(rgb)
    assert np.array_equal(rgb, picture())
    expected = segmenter.segment(features, "the red mug")
    rgb[:] = 0
    same(segmenter.segment(features, "the red mug"), expected)


def test_images_that_are_views_are_read_right(segmenter):
    rgb = picture()
    flipped = rgb[:, ::-1]
    same(
        segmenter.segment_image(flipped, "the red mug"),
        segmenter.segment_image(np.ascontiguousarray(flipped), "the red mug"),
    )
    read_only = picture()
    read_only.flags.writeable = False
    same(segmenter.segment_image(read_only, "the red mug"), segmenter.segment_image(rgb, "the red mug"))


@pytest.mark.parametrize("background", [0, 255])
def test_an_empty_picture_is_answered(segmenter, background):
    result = segmenter.segment_image(np.full((30, 40, 3), background, np.uint8), "the purple elephant")
    assert result.status in Status


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 30), np.uint8),
        np.zeros((20, 30, 1), np.uint8),
        np.zeros((20, 30, 4), np.uint8),
        np.zeros((0, 30, 3), np.uint8),
        np.zeros((20, 30, 3), np.uint16),
        np.full((20, 30, 3), np.nan, np.float32),
        None,
    ],
    ids=["grayscale", "one channel", "alpha", "empty", "uint16", "nan float", "none"],
)
def test_bad_images_are_refused(segmenter, image):
    with pytest.raises(InvalidInputError):
        segmenter.encode(image)


@pytest.mark.parametrize("instruction", ["", " \n\t", "x" * 10_000], ids=["empty", "blank", "10,000"])
def test_bad_instructions_are_refused(segmenter, instruction):
    features = segmenter.encode(picture())
    with pytest.raises(InvalidInputError):
        segmenter.segment(features, instruction)
    assert segmenter.segment(features, "the red mug").status in Status  # and it still answers


def test_cancelling_raises_and_leaves_no_trace(segmenter):
    features = segmenter.encode(picture())
    expected = segmenter.segment(features, "the red mug", cancel=lambda: False)
    with pytest.raises(CancelledError):
        segmenter.segment(features, "the red mug", cancel=lambda: True)
    same(segmenter.segment(features, "the red mug"), expected)


def test_previous_never_changes_the_result(segmenter):
    features = segmenter.encode(picture())
    expected = segmenter.segment(features, "the red mug")
    other = segmenter.segment_image(picture(37, 53)[::-1], "all objects")
    for previous in (expected, other):
        same(segmenter.segment(features, "the red mug", previous=previous), expected)


def test_threads_do_not_mix_their_answers(segmenter):
    jobs = [(picture(), "the red mug"), (picture(37, 53), "the blue box")] * 3
    expected = [segmenter.segment_image(*job) for job in jobs]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda job: segmenter.segment_image(*job), jobs))
    for answer, wanted in zip(answers, expected, strict=True):
        same(answer, wanted)


def has_no_tracker(segmenter):
    """Whether it is a compact SAM 3, which refuses clicks (test/backends/test_sam3.py)."""
    model = getattr(segmenter, "model", None)
    return isinstance(model, Sam3) and hasattr(model.net.config, "pyramid")


def prompted(segmenter):
    if not isinstance(segmenter, PromptSegmenter) or has_no_tracker(segmenter):
        pytest.skip("takes no clicks")
    return segmenter.encode(picture())


def well_formed(result):
    assert (result.status == Status.OK) == bool(result.instances)
    for instance in result.instances:
        assert (instance.mask.dtype, instance.mask.shape) == (bool, (48, 64))
        assert np.array_equal(instance.box, tight_box(instance.mask))
        assert 0 <= instance.score <= 1
        assert instance.phrase == "object"


def test_clicks_and_boxes_are_answered(segmenter):
    features = prompted(segmenter)
    for prompts in (([[20, 15]], [1]), ([[20, 15], [63, 47]], [1, 0]), ([], [], [[16, 12, 32, 24]])):
        result = segmenter.segment_prompts(features, *prompts)
        well_formed(result)
        same(segmenter.segment_prompts(features, *prompts), result)
        assert len(result.instances) <= 1


def test_unusable_clicks_are_refused(segmenter):
    features = prompted(segmenter)
    for prompts in (
        ([[64, 1]], [1]),
        ([[1, 1]], [0]),
        ([], []),
        ([[np.nan, 1]], [1]),
        ([], [], [[5, 5, 5, 5]]),
    ):
        with pytest.raises(InvalidInputError):
            segmenter.segment_prompts(features, *prompts)
    with pytest.raises(CancelledError):
        segmenter.segment_prompts(features, [[20, 15]], [1], cancel=lambda: True)


def test_everything_is_a_request(segmenter):
    if not isinstance(segmenter, EverythingSegmenter) or has_no_tracker(segmenter):
        pytest.skip("needs an instruction")
    features = segmenter.encode(picture())
    well_formed(segmenter.segment_everything(features))
    with pytest.raises(CancelledError):
        segmenter.segment_everything(features, cancel=lambda: True)


def test_unknown_backends_and_options_are_named():
    with pytest.raises(
        ConfigError,
        match="unknown backend 'nonsense'; known: agent, fake, instructsam, onnx, sam3, sam3i, seg_token",
    ):
        load(backend="nonsense")
    for backend in ("no.such.module:load", "instructsam_ros.backends.fake:nothing"):
        with pytest.raises(ConfigError, match=f"backend '{backend}' cannot be imported"):
            load(backend=backend)
    with pytest.raises(ConfigError, match=r"backend 'fake': .*'wings'"):
        load("fake", wings=2)


def test_registry_finds_a_backend_that_was_added(monkeypatch):
    monkeypatch.setitem(registry.BACKENDS, "mine", "instructsam_ros.backends.fake:load")
    assert isinstance(load("any name", backend="mine"), Segmenter)
    assert isinstance(load("any name", backend="instructsam_ros.backends.fake:load"), Segmenter)
