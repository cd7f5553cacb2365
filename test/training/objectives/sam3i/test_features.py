"""Features that are kept on disk."""

import torch

from instructsam_ros.models.sam3.checkpoint import load_sam3
from instructsam_ros.training.objectives.sam3i.features import StoredFeatures


def test_features_are_computed_once_for_each_picture(compact_sam3_folder, tmp_path, monkeypatch):
    model = load_sam3(compact_sam3_folder)
    pixels = torch.rand(2, 3, 64, 96)
    plain = StoredFeatures(model, None)(pixels)
    stored = StoredFeatures(model, tmp_path)
    first = stored(pixels)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
    monkeypatch.setattr(model, "trunk", None)
    again = StoredFeatures(model, tmp_path)(pixels.flip(0))
    for one, two, expected in zip(first, again, plain, strict=True):
        assert torch.equal(one, two.flip(0))
        torch.testing.assert_close(one, expected)


def test_another_image_side_has_features_of_its_own(compact_sam3_folder, tmp_path):
    model = load_sam3(compact_sam3_folder)
    one = StoredFeatures(model, tmp_path).folder
    next(model.net.vision_encoder.parameters()).data += 1
    assert StoredFeatures(model, tmp_path).folder != one
