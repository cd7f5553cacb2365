import numpy as np

from instructsam_ros.training.data.transforms import jitter, repaint_background


def picture():
    return np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def test_strength_zero_changes_nothing():
    assert np.array_equal(jitter(picture(), np.random.default_rng(1), 0.0), picture())


def test_same_generator_same_picture():
    a = jitter(picture(), np.random.default_rng(7), 1.0)
    b = jitter(picture(), np.random.default_rng(7), 1.0)
    assert np.array_equal(a, b)
    assert a.dtype == np.uint8
    assert a.shape == picture().shape


def test_it_does_change_the_picture():
    assert not np.array_equal(jitter(picture(), np.random.default_rng(2), 0.5), picture())


def test_repainting_leaves_every_object_as_it_was():
    rgb, ids = picture(), np.zeros((24, 32), np.int64)
    ids[5:12, 8:20] = 3
    for seed in range(8):
        painted = repaint_background(rgb, ids, np.random.default_rng(seed))
        assert painted.dtype == np.uint8
        assert np.array_equal(painted[ids > 0], rgb[ids > 0])
        assert (painted[ids == 0] != rgb[ids == 0]).any(-1).mean() > 0.9
