"""Names of Meta's file against the modules of transformers, in the full-size model."""

import torch
from transformers import Sam3Config

from instructsam_ros.models.sam3.checkpoint import weightless_sam3
from instructsam_ros.models.sam3.meta_names import upstream_tensors
from test.sam3_models import meta_weights


def test_every_tensor_has_one_name_and_packed_ones_are_split():
    tensors = {"detector.backbone.vision_backbone.trunk.blocks.31.attn.qkv.weight": torch.zeros(3072, 1024)}
    renamed, unused = upstream_tensors(tensors)
    assert not unused
    names = [f"vision_encoder.backbone.layers.31.attention.{k}_proj.weight" for k in "qkv"]
    assert list(renamed) == names
    assert all(tensor.shape == (1024, 1024) for tensor in renamed.values())


def test_unused_tensors_are_listed_and_unknown_ones_keep_their_name():
    tensors = {
        "tracker.x": torch.zeros(1),
        "detector.geometry_encoder.points_pool_project.bias": torch.zeros(1),
        "detector.new_part.weight": torch.zeros(1),
    }
    renamed, unused = upstream_tensors(tensors)
    assert list(renamed) == ["new_part.weight"]
    assert unused == list(tensors)[:2]


def test_names_of_the_tiny_file_without_indices_are_those_of_the_full_size_model():
    def shapeless(names):
        return {".".join("N" if part.isdigit() else part for part in name.split(".")) for name in names}

    renamed, _ = upstream_tensors(meta_weights())
    full = weightless_sam3(Sam3Config()).net.state_dict()
    assert shapeless(renamed) == shapeless(full)
