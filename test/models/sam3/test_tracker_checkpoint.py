"""Weights of the tracker, found in a folder of the hub; what is missing is said."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import load_file, save_file

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.sam3 import tracker_checkpoint
from instructsam_ros.models.sam3.checkpoint import load_sam3
from instructsam_ros.models.sam3.tracker_checkpoint import LazyTracker, load_tracker
from test.sam3_models import write_meta_file, write_sam3_folder


@pytest.fixture(scope="module")
def model(sam3_folder):
    return load_sam3(sam3_folder)


def changed(tmp_path, change):
    """A folder with other tensors."""
    folder = write_sam3_folder(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_nothing_is_left_without_weights_and_the_tower_is_not_loaded_twice(sam3_folder, model):
    tracker = load_tracker(sam3_folder, model)
    assert not any(tensor.is_meta for tensor in [*tracker.parameters(), *tracker.buffers()])
    assert not any("backbone" in name for name in tracker.state_dict())
    assert not tracker.training


def test_positions_stay_exact_in_bfloat16(sam3_folder):
    coarse = load_tracker(sam3_folder, load_sam3(sam3_folder, torch.bfloat16))
    stored = load_file(sam3_folder / "model.safetensors")
    positions = coarse.net.prompt_encoder.shared_embedding.positional_embedding
    name = "tracker_model.prompt_encoder.shared_embedding.positional_embedding"
    assert torch.equal(positions, stored[name])
    assert coarse.dtype == torch.bfloat16


def test_positions_stored_once_serve_both(tmp_path, model):
    folder = changed(tmp_path, lambda t: t.pop("tracker_model.shared_image_embedding.positional_embedding"))
    net = load_tracker(folder, model).net
    assert torch.equal(
        net.shared_image_embedding.positional_embedding,
        net.prompt_encoder.shared_embedding.positional_embedding,
    )


def test_what_cannot_answer_clicks_says_what_is_missing(tmp_path, model, sam3i_folder):
    with pytest.raises(CheckpointError, match=r"is no folder.*option 'tracker'"):
        load_tracker(write_meta_file(tmp_path / "meta"), model)
    with pytest.raises(CheckpointError, match=r"no tensors tracker_model.*option 'tracker'"):
        load_tracker(sam3i_folder, model)
    lacks = changed(tmp_path / "lacks", lambda t: t.pop("tracker_model.mask_decoder.iou_token.weight"))
    with pytest.raises(CheckpointError, match=r"missing net.mask_decoder.iou_token.weight"):
        load_tracker(lacks, model)
    name = "detector_model.vision_encoder.backbone.embeddings.patch_embeddings.projection.weight"
    other = changed(tmp_path / "other", lambda t: t.update({name: t[name] + 1}))
    with pytest.raises(CheckpointError, match="another image tower"):
        load_tracker(other, model)


def test_it_is_loaded_once_when_it_is_needed(monkeypatch, sam3_folder, model):
    loads = []

    def load(path, like):
        loads.append(path)
        return load_tracker(path, like)

    monkeypatch.setattr(tracker_checkpoint, "load_tracker", load)
    lazy = LazyTracker(sam3_folder, model)
    assert not loads
    with ThreadPoolExecutor(4) as pool:
        trackers = set(pool.map(lambda _: lazy.get(), range(8)))
    assert (len(trackers), loads) == (1, [sam3_folder])
