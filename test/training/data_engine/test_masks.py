"""Masks from boxes."""

from types import SimpleNamespace

import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data_engine.masks import (
    MaskSettings,
    SegmenterMasks,
    TrackerMasks,
    box_iou,
    load_masks,
    mask_box_iou,
)

RGB = np.zeros((20, 30, 3), np.uint8)


class TwoMugs:
    def encode(self, rgb):
        return rgb

    def segment(self, features, noun):
        if noun != "mug":
            return SimpleNamespace(instances=())
        found = []
        for left in (2, 15):
            mask = np.zeros((20, 30), bool)
            mask[5:15, left : left + 10] = True
            found.append(SimpleNamespace(mask=mask, box=np.array([left, 5, left + 10, 15], np.float32)))
        return SimpleNamespace(instances=tuple(found))


def test_a_segmenter_gives_the_instance_that_fits_each_box():
    boxes = np.array([[14.0, 5, 26, 15], [2, 4, 12, 15], [0, 0, 4, 3], [2, 4, 12, 15]])
    masks = SegmenterMasks(TwoMugs())(RGB, boxes, ["mug", "mug", "mug", "bowl"])
    assert masks[0, 10, 20]
    assert not masks[0, 10, 5]
    assert masks[1, 10, 5]
    assert not masks[2:].any()
    assert SegmenterMasks(TwoMugs())(RGB, np.zeros((0, 4)), []).shape == (0, 20, 30)


def test_a_tracker_is_prompted_with_all_boxes():
    torch = pytest.importorskip("torch")
    asked = []

    class Inputs(dict):
        def to(self, device):
            return self

    def processor(images, input_boxes, return_tensors):
        asked.extend(input_boxes[0])
        return Inputs(original_sizes=torch.tensor([[20, 30]]))

    processor_ = SimpleNamespace(post_process_masks=lambda masks, sizes: [masks[0] > 0])
    call = type(
        "Processor",
        (),
        {"__call__": lambda self, **k: processor(**k), "__getattr__": lambda s, n: getattr(processor_, n)},
    )()

    class Model:
        device = "cpu"

        def __call__(self, original_sizes, multimask_output):
            assert not multimask_output
            return SimpleNamespace(pred_masks=torch.ones(1, len(asked), 1, 20, 30))

    masks = TrackerMasks(Model(), call)(RGB, np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), ["a", "b"])
    assert masks.shape == (2, 20, 30)
    assert masks.all()
    assert asked == [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]


def test_a_function_of_the_users_own_is_loaded():
    assert load_masks(MaskSettings("builtins:divmod", 7, 2)) == (3, 1)
    with pytest.raises(ConfigError, match="tracker, segmenter"):
        load_masks(MaskSettings("nothing"))


def test_overlaps():
    assert box_iou(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])) == pytest.approx(1 / 3)
    assert box_iou(np.array([0, 0, 2, 2]), np.array([2, 0, 3, 2])) == 0
    mask = np.zeros((5, 5), bool)
    mask[1:3, 1:4] = True
    assert mask_box_iou(mask, np.array([1, 1, 4, 3])) == 1
