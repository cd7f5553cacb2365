"""Clicks and everything of the SAM 3 backends, against transformers' processor and model."""

import numpy as np
import pytest
import torch
from transformers import Sam3TrackerModel, Sam3TrackerProcessor

from instructsam_ros.backends import sam3_prompts
from instructsam_ros.backends.sam3 import load
from instructsam_ros.backends.sam3i import load as load_sam3i
from instructsam_ros.errors import CancelledError, CheckpointError, ConfigError
from instructsam_ros.models.instructsam.postprocessing import full_size
from instructsam_ros.models.instructsam.two_tower_encoder import square_pixels
from instructsam_ros.models.sam3 import mask_generation
from instructsam_ros.types import Status
from test.sam3_models import write_meta_file

torch.set_num_threads(1)
SIZE = (50, 70)


@pytest.fixture(scope="module")
def segmenter(sam3_folder):
    return load(str(sam3_folder), "cpu", dtype="float32", grid=4)


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def expected(sam3_folder, rgb):
    """Masks and IoUs of transformers for prompts in pixels of the image."""
    upstream = Sam3TrackerModel.from_pretrained(sam3_folder).eval()
    embeddings = upstream.get_image_embeddings(square_pixels(rgb, 112))
    embeddings[-1] = embeddings[-1] + upstream.no_memory_embedding.detach().view(1, -1, 1, 1)

    def scaled(values, *, box=False):
        tensor = torch.tensor(values, dtype=torch.float32)
        return Sam3TrackerProcessor._normalize_coordinates(None, 112, tensor, SIZE, is_bounding_box=box)

    @torch.inference_mode()
    def answer(points, labels, box, several):
        output = upstream(
            image_embeddings=embeddings,
            input_points=scaled(points)[None, None] if points else None,
            input_labels=torch.tensor(labels)[None, None] if points else None,
            input_boxes=scaled([box], box=True)[None] if box else None,
            multimask_output=several,
        )
        return output.pred_masks[0, 0], output.iou_scores[0, 0]

    return answer


@pytest.mark.parametrize(
    ("points", "labels", "box", "several"),
    [
        ([[20, 15]], [1], None, True),
        ([[20, 15], [60, 40]], [1, 0], None, False),
        ([[20, 15], [30, 20], [60, 40]], [1, 1, 0], None, False),
        ([], [], [10, 5, 40, 45], False),
        ([[20, 15]], [1], [10, 5, 40, 45], False),
    ],
)
def test_answers_are_those_of_transformers(segmenter, rgb, expected, points, labels, box, several):
    found = segmenter.segment_prompts(segmenter.encode(rgb), points, labels, [box] if box else [])
    masks, overlaps = expected(points, labels, box, several)
    best = int(overlaps.argmax())
    (instance,) = found.instances
    assert instance.score == pytest.approx(float(overlaps[best]), abs=1e-6)
    np.testing.assert_array_equal(instance.mask, full_size(masks[best], SIZE))
    assert set(found.timings) == {"encode", "masks"}


def test_a_negative_click_and_another_box_change_the_answer(segmenter, rgb):
    features = segmenter.encode(rgb)
    answers = [
        segmenter.segment_prompts(features, points, labels, boxes).instances[0]
        for points, labels, boxes in (
            ([[20, 15], [22, 30]], [1, 1], []),
            ([[20, 15], [22, 30]], [1, 0], []),
            ([], [], [[1, 1, 30, 20]]),
            ([], [], [[40, 20, 60, 45]]),
        )
    ]
    assert len({each.score for each in answers}) == 4


def test_several_boxes_are_several_objects_as_if_asked_alone(segmenter, rgb):
    features = segmenter.encode(rgb)
    boxes = [[1, 1, 30, 20], [40, 20, 60, 45]]
    both = segmenter.segment_prompts(features, [], [], boxes).instances
    alone = [segmenter.segment_prompts(features, [], [], [box]).instances[0] for box in boxes]
    for one, other in zip(both, alone, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_everything_is_found_and_too_much_is_said(monkeypatch, sam3_folder, rgb, dtype):
    monkeypatch.setattr(mask_generation, "MIN_IOU", 0.0)
    monkeypatch.setattr(mask_generation, "MIN_STABILITY", 0.0)
    monkeypatch.setattr(mask_generation, "SAME_BOX_IOU", 1.0)  # random masks fill the image
    segmenter = load(str(sam3_folder), "cpu", dtype=dtype, grid=4)
    features = segmenter.encode(rgb)
    found = segmenter.segment_everything(features)
    assert (found.status, len(found.instances) >= 2) == (Status.OK, True)
    monkeypatch.setattr(sam3_prompts, "MAX_OBJECTS", 1)
    cut = segmenter.segment_everything(features)
    assert (cut.status, len(cut.instances)) == (Status.SATURATED, 1)
    assert cut.instances[0].score == found.instances[0].score
    with pytest.raises(CancelledError):
        segmenter.segment_everything(features, cancel=lambda: True)


def test_a_checkpoint_without_tracker_takes_that_of_another_folder(tmp_path, sam3_folder, sam3i_folder, rgb):
    for load_backend, path in ((load, write_meta_file(tmp_path)), (load_sam3i, sam3i_folder)):
        plain = load_backend(str(path), "cpu", dtype="float32")
        with pytest.raises(CheckpointError, match="option 'tracker'"):
            plain.segment_prompts(plain.encode(rgb), [[20, 15]], [1])
        helped = load_backend(str(path), "cpu", dtype="float32", tracker=str(sam3_folder))
        assert helped.segment_prompts(helped.encode(rgb), [[20, 15]], [1]).instances


def test_an_odd_grid_is_refused(sam3_folder):
    for grid in (0, 1000, 2.5, True):
        with pytest.raises(ConfigError, match="grid must be"):
            load(str(sam3_folder), "cpu", grid=grid)
