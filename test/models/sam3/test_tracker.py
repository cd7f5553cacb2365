"""Clicks give what transformers' own model gives on the same image; the image tower is shared."""

import pytest
import torch
from transformers import Sam3TrackerModel

from instructsam_ros.models.sam3.checkpoint import load_sam3
from instructsam_ros.models.sam3.tracker import Sam3Tracker
from instructsam_ros.models.sam3.tracker_checkpoint import load_tracker
from test.sam3_models import tiny_tracker

torch.set_num_threads(1)
POINTS = torch.tensor([[[30.0, 40.0], [80.0, 20.5]], [[100.0, 3.0], [50.0, 50.0]]])
LABELS = torch.tensor([[1, 0], [1, 1]])
BOXES = torch.tensor([[10.0, 20.0, 60.0, 90.0], [40.0, 1.0, 110.0, 70.0]])
PROMPTS = {
    "one click": (POINTS[:, :1], LABELS[:, :1], None),
    "clicks": (POINTS, LABELS, None),
    "boxes": (None, None, BOXES),
    "clicks and boxes": (POINTS, LABELS, BOXES),
}


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(1, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def upstream(sam3_folder):
    """The class of transformers, which picks its tensors from the same folder."""
    return Sam3TrackerModel.from_pretrained(sam3_folder).eval()


@pytest.fixture(scope="module")
def detector(sam3_folder):
    return load_sam3(sam3_folder)


@pytest.fixture(scope="module")
def tracker(sam3_folder, detector):
    return load_tracker(sam3_folder, detector)


@torch.inference_mode()
def test_the_detector_and_the_tracker_share_the_image_tower_to_the_bit(detector, upstream, pixels):
    own = upstream.vision_encoder.backbone(pixels).last_hidden_state
    assert torch.equal(detector.encode_image(pixels).trunk.flatten(2).transpose(1, 2), own)


@torch.inference_mode()
@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("several", [True, False])
def test_masks_are_those_of_transformers(tracker, detector, upstream, pixels, prompts, several):
    levels = tracker.embed(detector.encode_image(pixels).trunk)
    finest, fine, coarse = upstream.get_image_embeddings(pixels)
    assert torch.equal(levels.fine[0], finest)
    assert torch.equal(levels.fine[1], fine)
    assert upstream.no_memory_embedding.abs().max() > 0.1
    coarse = coarse + upstream.no_memory_embedding.view(1, -1, 1, 1)
    points, labels, boxes = (None if each is None else each[None] for each in prompts)
    expected = upstream(
        image_embeddings=[finest, fine, coarse],
        input_points=points,
        input_labels=labels,
        input_boxes=boxes,
        multimask_output=several,
    )
    masks, overlaps = tracker.masks(levels, *prompts, several=several)
    assert masks.shape == (2, 3 if several else 1, 32, 32)
    torch.testing.assert_close(masks, expected.pred_masks[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(overlaps, expected.iou_scores[0], rtol=0, atol=1e-6)


@torch.inference_mode()
def test_with_a_neck_of_three_levels_the_whole_model_agrees(pixels):
    """With four, transformers adds the embedding of "no memory" to the one that it does not read."""
    upstream = tiny_tracker(levels=3)
    tracker = Sam3Tracker(upstream.config).eval()
    tracker.net.load_state_dict({n: t for n, t in upstream.state_dict().items() if "backbone." not in n})
    trunk = upstream.vision_encoder.backbone(pixels).last_hidden_state.transpose(1, 2).view(1, 32, 8, 8)
    expected = upstream(pixel_values=pixels, input_points=POINTS[None], input_labels=LABELS[None])
    masks, overlaps = tracker.masks(tracker.embed(trunk), POINTS, LABELS, None, several=True)
    torch.testing.assert_close(masks, expected.pred_masks[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(overlaps, expected.iou_scores[0], rtol=0, atol=1e-6)
