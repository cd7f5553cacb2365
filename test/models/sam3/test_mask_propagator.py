from types import SimpleNamespace

import numpy as np
import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3 import mask_propagator
from instructsam_ros.models.sam3.mask_propagator import Sam3MaskPropagator, load, tracker_name
from test.sam3_models import write_sam3_folder
from test.sam3_tracker import tiny_tracker, write_tracker_folder

FRAMES = np.random.default_rng(0).integers(0, 256, (24, 24, 32, 3), dtype=np.uint8)
MASKS = np.zeros((2, 24, 32), bool)
MASKS[0, 2:12, 3:14] = MASKS[1, 10:22, 18:30] = True


def session_sizes(propagator):
    """How many entries each dict of the session has, and how many numbers its tensors hold."""
    session = propagator.session
    outputs = [each for one in session.output_dict_per_obj.values() for each in one.values()]
    tensors = [t for frames in outputs for output in frames.values() for t in output.values()]
    return {
        "outputs": [len(frames) for frames in outputs],
        "tracked": [len(frames) for frames in session.frames_tracked_per_obj.values()],
        "pictures": len(session.processed_frames),
        "inputs": [len(i) for i in session.mask_inputs_per_obj.values()],
        "features": len(session.cache._vision_features),
        "numbers": sum(tensor.numel() for tensor in tensors),
    }


def test_a_session_stops_growing():
    propagator = Sam3MaskPropagator(tiny_tracker())
    propagator.start(FRAMES[0], list(MASKS), [3, 7])
    sizes = []
    for frame in FRAMES[1:]:
        propagator.follow(frame)
        sizes.append(session_sizes(propagator))
    reach = propagator.model.config.max_object_pointers_in_encoder
    assert sizes[-1] == sizes[reach + 1]
    assert sizes[-1]["pictures"] == 0
    assert sizes[-1]["inputs"] == [0, 0]


def test_what_is_forgotten_would_not_have_been_read(monkeypatch):
    def logits(frames):
        propagator = Sam3MaskPropagator(tiny_tracker())
        propagator.start(frames[0], list(MASKS), [3, 7])
        steps = []
        for number, frame in enumerate(frames[1:], 1):
            propagator._frame = number
            steps.append(propagator._step(propagator.session, frame)[1])
        return steps, propagator.session

    short, _ = logits(FRAMES[:20])
    monkeypatch.setattr(mask_propagator, "forget", lambda session, oldest: None)
    long, session = logits(FRAMES[:20])
    assert len(session.processed_frames) == 20
    for one, other in zip(short, long, strict=True):
        assert torch.equal(one, other)


class Scripted:
    """A model that answers with given logits and scores."""

    def __init__(self, logits, scores):
        self.output = SimpleNamespace(
            object_ids=[3, 7],
            pred_masks=torch.tensor(logits, dtype=torch.float32)[:, None],
            object_score_logits=torch.tensor(scores)[:, None],
        )
        self.config = SimpleNamespace(num_maskmem=7, max_object_pointers_in_encoder=16)
        self.image_size, self.device, self.dtype = 56, torch.device("cpu"), torch.float32

    def __call__(self, session, frame_idx, frame):
        assert frame.shape == (1, 3, 56, 56)
        session.processed_frames = {frame_idx: frame}
        return self.output


@pytest.mark.parametrize(("scores", "found"), [([4.0, 4.0], [3, 7]), ([4.0, -1.0], [3]), ([-9.0, -9.0], [])])
def test_masks_are_where_the_highest_positive_logit_is_and_objects_with_a_score_below_0_are_lost(
    scores, found
):
    logits = np.full((2, 24, 32), -5.0)
    logits[0, :, :20], logits[1, :, 10:24] = 3.0, 6.0
    propagator = Sam3MaskPropagator(Scripted(logits, scores))
    propagator.start(FRAMES[0], list(MASKS), [3, 7])
    followed = propagator.follow(FRAMES[1])
    assert list(followed) == found
    if len(found) == 2:
        assert followed[3].mask[:, :10].all()
        assert not followed[3].mask[:, 10:].any()
        assert followed[7].mask[0].nonzero()[0].tolist() == list(range(10, 24))
        assert followed[3].confidence == pytest.approx(0.982, abs=1e-3)


def test_given_masks_are_the_memory_that_frames_are_matched_with():
    def follow(masks):
        propagator = Sam3MaskPropagator(tiny_tracker())
        propagator.start(FRAMES[0], masks, [3])
        propagator._frame = 1
        return propagator._step(propagator.session, FRAMES[1])[1]

    assert not torch.equal(follow([MASKS[0]]), follow([MASKS[1]]))
    propagator = Sam3MaskPropagator(tiny_tracker())
    propagator.start(FRAMES[0], [np.zeros((24, 32), bool)], [3])
    assert propagator.follow(FRAMES[1]) == {}


def test_folders_of_the_video_model_load_whole(tmp_path):
    loaded = load(str(write_tracker_folder(tmp_path / "whole")), "cpu").model
    for name, tensor in tiny_tracker().state_dict().items():
        if name.startswith("prompt_encoder.shared_embedding"):
            name = "shared_image_embedding.positional_embedding"
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert not loaded.training


def test_a_detector_alone_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="describes no tracker"):
        load(str(write_sam3_folder(tmp_path)), "cpu")


def test_names_of_the_detector_are_left_out():
    assert tracker_name("detector_model.vision_encoder.backbone.a") == "vision_encoder.backbone.a"
    assert tracker_name("detector_model.vision_encoder.neck.a") is None
    assert tracker_name("tracker_neck.a") == "vision_encoder.neck.a"
    assert tracker_name("tracker_model.memory_encoder.a") == "memory_encoder.a"
