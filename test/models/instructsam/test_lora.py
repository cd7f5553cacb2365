"""Merged LoRA weights compute what base and adapter compute together."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from instructsam_ros.backends.instructsam import load
from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.lora import merge_lora
from instructsam_ros.models.instructsam.modeling import InstructSam

LAYER = "model.language_model.layers.0.self_attn.q_proj"
HEAD = "base_model.model."


def write_adapter(folder: Path, tensors: dict[str, Tensor], **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "bias": "none", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture
def low_rank() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        f"{HEAD}{LAYER}.lora_A.weight": torch.randn(4, 8, generator=generator),
        f"{HEAD}{LAYER}.lora_B.weight": torch.randn(6, 4, generator=generator),
    }


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


def test_an_adapter_of_another_rank_than_it_says_is_refused(
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


@pytest.fixture
def base(tiny_model: InstructSam, tiny_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint folder with settings and files that this package does not know."""
    shutil.copytree(tiny_folder, tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    (tmp_path / "base" / "config.json").write_text(json.dumps(config | {"their_setting": 7}))
    (tmp_path / "base" / "preprocessor_config.json").write_text("{}")
    (tmp_path / "base" / "LICENSE").write_text("Terms of the weights")
    return tmp_path / "base"


def test_command_line_merges_and_checks(
    tiny_model: InstructSam, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merged = tmp_path / "merged"
    rows = tiny_model.mask_queries.detach() + 1
    adapter = write_adapter(tmp_path / "adapter", {f"{HEAD}model.mask_queries": rows})
    assert main(["weights", "merge", str(base), str(adapter), str(merged)]) == 0
    assert "no non_lora_*.bin or non_lora_*.safetensors" in capsys.readouterr().out
    assert json.loads((merged / "config.json").read_text())["their_setting"] == 7
    assert {path.name for path in merged.iterdir()} == {path.name for path in base.iterdir()}
    assert main(["weights", "check", str(merged)]) == 0
    output = capsys.readouterr().out
    assert "every tensor is there" in output
    assert "tensors in F32; the output head is tied" in output
    assert "ref_start 508" in output
    tensors = load_file(merged / "model.safetensors")
    torch.testing.assert_close(tensors.pop("model.mask_queries"), rows)
    save_file({**tensors, "odd": torch.zeros(1)}, merged / "model.safetensors")
    (merged / "tokenizer.json").unlink()
    assert main(["weights", "check", str(merged)]) == 1
    output = capsys.readouterr().out
    assert "3 problems" in output
    assert "missing model.mask_queries" in output
    assert "tokenizer.json does not exist" in output
    assert main(["weights", "check", str(tmp_path / "absent")]) == 2


def test_loading_with_an_adapter_equals_loading_what_was_merged(
    base: Path, tmp_path: Path, low_rank: dict[str, Tensor]
) -> None:
    rows, columns = load_file(base / "model.safetensors")[f"{LAYER}.weight"].shape
    down, up = (f"{HEAD}{LAYER}.lora_{half}.weight" for half in "AB")
    adapter = write_adapter(tmp_path / "adapter", {down: torch.ones(4, columns), up: torch.ones(rows, 4)})
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    (adapter / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1))
    (base / "tokenizer.json").write_text("the adapter's is meant")
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 0
    found = load(str(base), "cpu", dtype="float32", adapter=str(adapter))
    expected = load(str(tmp_path / "merged"), "cpu", dtype="float32")
    assert found.model.config == expected.model.config
    assert found.prompts.vocabulary == expected.prompts.vocabulary
    tensors = found.model.state_dict()
    for name, tensor in expected.model.state_dict().items():
        torch.testing.assert_close(tensors[name], tensor, atol=0, rtol=0)
    weight = load_file(base / "model.safetensors")[f"{LAYER}.weight"]
    changed = tensors[LAYER.replace("model.language_model", "language.model") + ".weight"]
    torch.testing.assert_close(changed, weight + 16.0)  # alpha / r = 4 times the sum of 4 products


def test_what_is_no_adapter_is_named(base: Path) -> None:
    with pytest.raises(CheckpointError, match="absent' is no folder"):
        load(str(base), "cpu", adapter="absent")
    with pytest.raises(CheckpointError, match="~nobody-of-that-name/lora"):
        load(str(base), "cpu", adapter="~nobody-of-that-name/lora")
    with pytest.raises(CheckpointError, match="not a usable adapter"):
        load(str(base), "cpu", adapter=str(base))
    with pytest.raises(ConfigError, match="path of a folder, got 7"):
        load(str(base), "cpu", adapter=7)  # type: ignore[arg-type]


def test_merged_folder_keeps_what_no_part_of_the_model_reads(
    base: Path, tmp_path: Path, golden_file: Callable[[str], Path], low_rank: dict[str, Tensor]
) -> None:
    released = load_file(golden_file("tiny_official_weights.safetensors"))
    save_file(released, base / "model.safetensors")
    adapter = write_adapter(
        tmp_path / "adapter", {f"{HEAD}model.mask_queries": released["model.mask_queries"]}
    )
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 0
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    assert merged.keys() == released.keys()
    assert all(torch.equal(merged[name], tensor) for name, tensor in released.items())


def test_an_adapter_of_the_base_language_model_brings_its_own_settings(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first stage of the released training: what InstructSAM adds lies beside the adapter."""
    config = json.loads((base / "config.json").read_text())
    plain = {k: v for k, v in config.items() if not k.endswith(("_token_index", "_start_index"))}
    tensors = load_file(base / "model.safetensors")
    added = {name: tensors.pop(name) for name in list(tensors) if "language_model" not in name}
    (base / "config.json").write_text(json.dumps(plain))
    save_file(tensors, base / "model.safetensors")
    name = f"{HEAD}{LAYER}.lora_A.weight"
    up = name.replace("lora_A", "lora_B")
    rows, columns = tensors[f"{LAYER}.weight"].shape
    adapter = write_adapter(tmp_path / "adapter", {name: torch.ones(4, columns), up: torch.zeros(rows, 4)})
    torch.save({HEAD + name: tensor for name, tensor in added.items()}, adapter / "non_lora_trainables.bin")
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 2
    assert "seg_token_index" in capsys.readouterr().err
    (adapter / "config.json").write_text(json.dumps(config))
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 0
    assert main(["weights", "check", str(tmp_path / "merged")]) == 0


def test_merge_into_an_unfit_base_lists_what_is_missing(
    base: Path, tmp_path: Path, low_rank: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = load_file(base / "model.safetensors")
    del tensors["model.mask_queries"]
    save_file(tensors, base / "model.safetensors")
    odd = {f"{HEAD}model.odd": torch.zeros(1)}
    adapter = write_adapter(tmp_path / "adapter", odd)
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 2
    problems = capsys.readouterr().err
    assert "missing model.mask_queries" in problems
    assert "unexpected model.odd" in problems
    assert not (tmp_path / "merged").exists()


def test_a_base_whose_index_is_wrong_is_not_merged_into(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = load_file(base / "model.safetensors")
    (base / "model.safetensors").rename(base / "all.safetensors")
    index = dict.fromkeys([*tensors, "model.ghost"], "all.safetensors")
    (base / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    queries = {f"{HEAD}model.mask_queries": tensors["model.mask_queries"]}
    adapter = write_adapter(tmp_path / "adapter", queries)
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 2
    assert "wrong shard model.ghost" in capsys.readouterr().err


def test_a_merge_into_a_head_in_place_of_the_embedding(base: Path, tmp_path: Path) -> None:
    embedding, head = "model.language_model.embed_tokens.weight", "lm_head.weight"
    tensors = load_file(base / "model.safetensors")
    words = tensors.pop(embedding)
    save_file(tensors | {head: words}, base / "model.safetensors")
    adapter = write_adapter(tmp_path / "adapter", {HEAD + head: words + 1})
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 0
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    torch.testing.assert_close(merged[embedding], words + 1)
    assert head not in merged


def test_an_adapter_is_recognised_by_the_check(
    tmp_path: Path, low_rank: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "check", str(write_adapter(tmp_path, low_rank))]) == 2
    assert f"instructsam weights merge BASE {tmp_path} OUTPUT" in capsys.readouterr().err


def test_a_merge_writes_a_stored_head_along_with_the_embedding(base: Path, tmp_path: Path) -> None:
    embedding, head = "model.language_model.embed_tokens.weight", "lm_head.weight"
    tensors = load_file(base / "model.safetensors")
    save_file(tensors | {head: tensors[embedding].clone()}, base / "model.safetensors")
    adapter = write_adapter(tmp_path / "adapter", {HEAD + embedding: tensors[embedding] + 1})
    assert main(["weights", "merge", str(base), str(adapter), str(tmp_path / "merged")]) == 0
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    for name in (embedding, head):
        torch.testing.assert_close(merged[name], tensors[embedding] + 1)
