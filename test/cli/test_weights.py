"""``instructsam weights`` and loading with an adapter: what is merged, checked and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from instructsam_ros.backends.instructsam import load
from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.modeling import InstructSam
from test.adapters import HEAD, LAYER, write_adapter


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
