"""Merged LoRA weights compute what base and adapter compute together."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.instructsam.lora import merge_lora
from test.adapters import HEAD, LAYER, write_adapter


@pytest.mark.parametrize(("rslora", "scale"), [(False, 4.0), (True, 8.0)])
def test_merged_layer_equals_base_plus_adapter(
    tmp_path: Path, low_rank: dict[str, Tensor], rslora: bool, scale: float
) -> None:
    base, x = torch.randn(6, 8), torch.randn(3, 8)
    adapter = write_adapter(tmp_path, low_rank, use_rslora=rslora)
    merged = merge_lora({f"{LAYER}.weight": base}, adapter)[f"{LAYER}.weight"]
    down, up = low_rank.values()
    torch.testing.assert_close(x @ merged.T, x @ base.T + scale * (x @ down.T) @ up.T, atol=1e-4, rtol=1e-4)


def test_whole_tensors_replace(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path, {f"{HEAD}model.mask_queries": torch.ones(2, 3)})
    merged = merge_lora({"model.mask_queries": torch.zeros(2, 3, dtype=torch.bfloat16)}, adapter)
    assert merged["model.mask_queries"].dtype == torch.bfloat16
    assert merged["model.mask_queries"].float().mean() == 1


@pytest.mark.parametrize("file", ["non_lora_trainables.bin", "non_lora_trainables.safetensors"])
def test_tensors_that_were_trained_whole_lie_beside_the_adapter(
    tmp_path: Path, low_rank: dict[str, Tensor], file: str
) -> None:
    adapter = write_adapter(tmp_path, low_rank)
    embedding, queries = "model.language_model.embed_tokens.weight", "model.mask_queries"
    whole = {embedding: torch.ones(5, 8), queries: torch.ones(2, 8), "lm_head.weight": torch.ones(5, 8)}
    save = torch.save if file.endswith(".bin") else save_file
    save({HEAD + name: tensor for name, tensor in whole.items()}, tmp_path / file)
    base = {f"{LAYER}.weight": torch.zeros(6, 8), embedding: torch.zeros(5, 8)}  # without mask queries
    merged = merge_lora(base, adapter)
    assert set(merged) == {*base, queries}
    assert merged[embedding].min() == merged[queries].min() == 1
    assert merged[f"{LAYER}.weight"].abs().sum() > 0


@pytest.mark.parametrize("file", ["extra_weights.bin", "mm_projector.pt", "more.safetensors"])
def test_tensors_of_which_nothing_is_known_are_not_left_out(
    tmp_path: Path, low_rank: dict[str, Tensor], file: str
) -> None:
    adapter = write_adapter(tmp_path, low_rank)
    for name in ("training_args.bin", "optimizer.pt", "rng_state_0.pth", "README.md"):
        (tmp_path / name).touch()
    base = {f"{LAYER}.weight": torch.zeros(6, 8)}
    merge_lora(base, adapter)
    (tmp_path / file).touch()
    with pytest.raises(CheckpointError, match=f"{tmp_path} holds {file}, which nothing here reads"):
        merge_lora(base, adapter)


def test_modules_that_peft_keeps_twice_are_those_that_were_trained(
    tmp_path: Path, low_rank: dict[str, Tensor]
) -> None:
    module = "model.language_model.embed_tokens"
    dump = {
        f"{HEAD}{module}.modules_to_save.default.weight": torch.ones(5, 8),
        f"{HEAD}{module}.original_module.weight": torch.zeros(5, 8),
    }
    adapter = write_adapter(tmp_path, low_rank)
    torch.save(dump, tmp_path / "non_lora_trainables.bin")
    base = {f"{LAYER}.weight": torch.zeros(6, 8), f"{module}.weight": torch.zeros(5, 8)}
    merged = merge_lora(base, adapter)
    assert set(merged) == set(base)
    assert merged[f"{module}.weight"].min() == 1


def test_whole_tensors_that_are_no_weights_are_named(tmp_path: Path) -> None:
    queries = torch.zeros(2, 3, dtype=torch.int32)
    with pytest.raises(CheckpointError, match=r"\n  wrong dtype model\.mask_queries: I32$"):
        merge_lora({}, write_adapter(tmp_path, {f"{HEAD}model.mask_queries": queries}))


@pytest.mark.parametrize("names", [("embed", "head"), ("embed",), ("head",)])
def test_a_tied_head_follows_the_embedding_also_where_it_is_stored(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    embedding, head = "model.language_model.embed_tokens.weight", "lm_head.weight"
    trained = {{"embed": embedding, "head": head}[name]: torch.ones(5, 8) for name in names}
    adapter = write_adapter(tmp_path, {HEAD + name: tensor for name, tensor in trained.items()})
    merged = merge_lora({embedding: torch.zeros(5, 8), head: torch.zeros(5, 8)}, adapter)
    assert merged[embedding].min() == merged[head].min() == 1


@pytest.mark.parametrize("content", [b"PK damaged", b"", pickle.dumps(print)], ids=["cut", "empty", "code"])
def test_unusable_file_of_whole_tensors(tmp_path: Path, low_rank: dict[str, Tensor], content: bytes) -> None:
    adapter = write_adapter(tmp_path, low_rank)
    (tmp_path / "non_lora_trainables.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match="does not hold tensors by name, or is damaged"):
        merge_lora({f"{LAYER}.weight": torch.zeros(6, 8)}, adapter)


def test_adapter_of_another_model_is_refused(tmp_path: Path, low_rank: dict[str, Tensor]) -> None:
    adapter = write_adapter(tmp_path, low_rank)
    for tensors in ({}, {f"{LAYER}.weight": torch.zeros(6, 9)}):
        with pytest.raises(CheckpointError, match=r"q_proj\.lora_A"):
            merge_lora(tensors, adapter)


def test_an_adapter_whose_rank_differs_from_its_configuration_is_an_error(
    tmp_path: Path, low_rank: dict[str, Tensor]
) -> None:
    with pytest.raises(CheckpointError, match=r"lora_A\.weight \[4, 8\] for .*q_proj\.weight \[6, 8\], r 64"):
        merge_lora({f"{LAYER}.weight": torch.zeros(6, 8)}, write_adapter(tmp_path, low_rank, r=64))


@pytest.mark.parametrize(
    "change",
    [
        {"use_dora": True},
        {"peft_type": "IA3"},
        {"rank_pattern": {"q": 8}},
        {"init_lora_weights": "pissa_niter_4"},
    ],
)
def test_other_kinds_of_adapter_are_refused(
    tmp_path: Path, low_rank: dict[str, Tensor], change: dict[str, Any]
) -> None:
    with pytest.raises(CheckpointError, match="not plain LoRA"):
        merge_lora({f"{LAYER}.weight": torch.zeros(6, 8)}, write_adapter(tmp_path, low_rank, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": None}, "r None"),
        ({"r": 0}, "r 0"),
        ({"lora_alpha": "16"}, "lora_alpha '16'"),
        ({"lora_alpha": float("nan")}, "lora_alpha nan"),
    ],
)
def test_an_unusable_rank_is_named(
    tmp_path: Path, low_rank: dict[str, Tensor], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        merge_lora({f"{LAYER}.weight": torch.zeros(6, 8)}, write_adapter(tmp_path, low_rank, **change))


def test_damaged_adapters_are_named(tmp_path: Path, low_rank: dict[str, Tensor]) -> None:
    up = f"{HEAD}{LAYER}.lora_B.weight"
    base = {f"{LAYER}.weight": torch.zeros(6, 8)}
    with pytest.raises(CheckpointError, match="holds no tensors"):
        merge_lora(base, write_adapter(tmp_path / "nothing", {}))
    with pytest.raises(CheckpointError, match="does not fit"):
        merge_lora(base, write_adapter(tmp_path / "deep", {k: v[None] for k, v in low_rank.items()}))
    with pytest.raises(CheckpointError, match=r"q_proj\.lora_B"):
        merge_lora(base, write_adapter(tmp_path / "half", {up: low_rank[up]}))
    embedding = "model.language_model.embed_tokens.weight"
    apart = {f"{HEAD}{embedding}": torch.ones(5, 8), f"{HEAD}lm_head.weight": torch.zeros(5, 8)}
    with pytest.raises(CheckpointError, match=r"lm_head\.weight differs"):
        merge_lora(base, write_adapter(tmp_path / "untied", apart))
    (write_adapter(tmp_path / "list", low_rank) / "adapter_config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="holds a list"):
        merge_lora(base, tmp_path / "list")
