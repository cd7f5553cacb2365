"""Tensors are read from the files that hold them, and what the files lack or contradict is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.safetensors_folder import TensorFiles, weights_sha256
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.instructsam.modeling import InstructSam
from test.models.shards import shard


def test_a_shard_index_that_names_no_files(folder: Path) -> None:
    shard(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 5}}')
    with pytest.raises(CheckpointError, match="not a usable shard index"):
        load_folder(folder)


def test_missing_shard_is_named(folder: Path) -> None:
    shard(folder)
    (folder / "part-1.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks part-1\.safetensors"):
        load_folder(folder)


@pytest.mark.parametrize("change", ["elsewhere", "ghost", "unlisted", "twice"])
def test_where_index_and_shards_differ_is_listed(
    folder: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shard(folder)
    name, path = "model.mask_queries", folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())["weight_map"]
    home = index[name]
    other = next(file for file in index.values() if file != home)
    if change == "twice":
        save_file(load_file(folder / other) | {name: torch.zeros(10, 64)}, folder / other)
    elif change == "unlisted":
        del index[name]
    else:
        index[name if change == "elsewhere" else "model.ghost"] = other
    path.write_text(json.dumps({"weight_map": index}))
    finding = {
        "elsewhere": f"wrong shard {name}: {path.name} names {other}, which does not hold it",
        "ghost": f"wrong shard model.ghost: {path.name} names {other}, which does not hold it",
        "unlisted": f"unlisted {name}: {home} holds it, and {path.name} does not name it",
        "twice": f"stored twice {name}: in part-0.safetensors and in part-1.safetensors",
    }[change]
    with pytest.raises(CheckpointError) as error:
        load_folder(folder)
    assert str(error.value).splitlines()[1:] == [f"  {finding}"]
    assert main(["weights", "check", str(folder)]) == 1
    assert capsys.readouterr().out.endswith(f": 1 problem\n  {finding}\n")


def test_a_tensor_is_read_from_the_shard_that_the_index_names(folder: Path) -> None:
    shard(folder)
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    expected = {}
    for name in ("model.mask_queries", "model.language_model.norm.weight"):  # one in each shard
        other = next(file for file in index.values() if file != index[name])
        expected[name] = load_file(folder / index[name])[name]
        save_file(load_file(folder / other) | {name: expected[name] + 1}, folder / other)
    assert len({index[name] for name in expected}) == 2
    with TensorFiles(folder) as tensors:
        for name, tensor in expected.items():
            torch.testing.assert_close(tensors[name], tensor, atol=0, rtol=0)


def test_all_damaged_shards_are_named(folder: Path) -> None:
    shard(folder)
    for file in folder.glob("part-*"):
        file.write_bytes(b"broken")
    with pytest.raises(
        CheckpointError, match=r"(?s)part-0\.safetensors is damaged.*part-1\.safetensors is damaged"
    ):
        load_folder(folder)


def test_a_head_in_place_of_the_embedding_is_the_embedding(
    folder: Path, tiny_model: InstructSam, capsys: pytest.CaptureFixture[str]
) -> None:
    """As safetensors.torch.save_model writes a tied model."""
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors.pop("model.language_model.embed_tokens.weight")
    save_file(tensors, folder / "model.safetensors")
    loaded = load_folder(folder).language.model.embed_tokens.weight
    torch.testing.assert_close(loaded, tiny_model.language.model.embed_tokens.weight, atol=0, rtol=0)
    assert main(["weights", "check", str(folder)]) == 0
    assert "the output head is stored in place of the embedding, and tied" in capsys.readouterr().out


def test_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        load_folder(folder)


def test_a_hash_depends_on_every_bit_and_not_on_the_files(folder: Path) -> None:
    with TensorFiles(folder) as files:
        tensors = dict(files)
        whole = weights_sha256(files)
    shard(folder)
    with TensorFiles(folder) as files:
        assert weights_sha256(files) == whole
    name = "model.mask_queries"
    others = [
        {n: t for n, t in tensors.items() if n != name},
        tensors | {name: tensors[name].reshape(-1)},
        tensors | {name: tensors[name].bfloat16()},
        tensors | {name: tensors[name] + torch.eye(*tensors[name].shape) * 1e-3},
        {f"{n}s" if n == name else n: t for n, t in tensors.items()},
    ]
    assert len({whole, *map(weights_sha256, others)}) == 6
