"""Released layout: names and shapes at full size, complete error lists, and saving and loading."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common.safetensors_folder import TensorFiles
from instructsam_ros.models.instructsam.checkpoint import (
    build_model,
    check_shapes,
    fill,
    load_folder,
    module_name,
    released_name,
    save_folder,
    weightless,
)
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from test.models.shards import shard

HERE = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def released_shapes() -> dict[str, tuple[int, ...]]:
    listing = json.loads(gzip.decompress((HERE / "released_tensors.json.gz").read_bytes()))
    return {name: tuple(shape) for name, shape in listing.items()}


def test_full_size_model_fits_the_published_listing(
    full_size: InstructSamConfig, released_shapes: dict[str, tuple[int, ...]]
) -> None:
    assert len(released_shapes) == 1704
    assert check_shapes(full_size, released_shapes).problems == ()


def test_every_difference_is_listed(
    full_size: InstructSamConfig, released_shapes: dict[str, tuple[int, ...]]
) -> None:
    changed = dict(released_shapes)
    del changed["model.mask_queries"]
    changed["model.visual.surprise"] = (1,)
    changed["model.grounding_model.model.text_projection.weight"] = (256, 512)  # stored, never used
    changed["model.language_model.norm.weight"] = (1024,)
    assert check_shapes(full_size, changed).problems == (
        "missing model.mask_queries",
        "unexpected model.visual.surprise",
        "wrong shape model.grounding_model.model.text_projection.weight: [256, 512] instead of [256, 1024]",
        "wrong shape model.language_model.norm.weight: [1024] instead of [2048]",
    )


def test_a_token_that_nothing_reads_may_be_missing_and_is_kept(tiny_config: InstructSamConfig) -> None:
    released = tiny_config.to_released()
    assert released["region_token_index"] == tiny_config.tokens.region
    del released["region_token_index"]
    without = InstructSamConfig.from_released(released)
    assert without.tokens == dataclasses.replace(tiny_config.tokens, region=None)
    assert "region_token_index" not in without.to_released()


def test_base_model_is_not_taken_for_instructsam() -> None:
    published = json.loads((HERE / "released_config.json").read_text())
    base = {name: value for name, value in published.items() if not name.endswith("_index")}
    with pytest.raises(ConfigError, match=r"seg_token_index.*base model"):
        InstructSamConfig.from_released(base)


def test_names_are_inverse(released_shapes: dict[str, tuple[int, ...]]) -> None:
    assert all(released_name(module_name(name)) == name for name in released_shapes)


@pytest.mark.parametrize("sharded", [False, True])
def test_saved_folder_loads_back(
    folder: Path, tiny_model: InstructSam, sharded: bool, golden_file: Callable[[str], Path]
) -> None:
    if sharded:
        shard(folder)
    state = load_folder(folder).state_dict()
    for name, tensor in tiny_model.state_dict().items():
        torch.testing.assert_close(state[name], tensor, atol=0, rtol=0)
    stored = {name for path in folder.glob("*.safetensors") for name in load_file(path)}
    assert stored < set(load_file(golden_file("tiny_official_weights.safetensors")))


def test_computed_buffers_are_real_and_keep_their_precision(folder: Path) -> None:
    model = load_folder(folder, torch.bfloat16)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.bfloat16}
    frequencies = model.language.model.rotary_emb.inv_freq
    assert frequencies.dtype == torch.float32
    assert frequencies[0] == 1.0
    assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])


def test_weights_are_not_copied(tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]) -> None:
    model = build_model(tiny_config, tiny_weights, "weights")
    assert model.mask_queries.data_ptr() == tiny_weights["model.mask_queries"].data_ptr()


def test_stored_tied_head_is_accepted(
    tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]
) -> None:
    embedding = tiny_weights["model.language_model.embed_tokens.weight"]
    build_model(tiny_config, {**tiny_weights, "lm_head.weight": embedding}, "weights")
    with pytest.raises(CheckpointError, match=r"lm_head\.weight differs from"):
        build_model(tiny_config, {**tiny_weights, "lm_head.weight": embedding + 1}, "weights")


def test_loading_lists_all_misfits(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    removed = [tensors.pop("model.mask_queries"), tensors.pop("model.language_model.norm.weight")]
    save_file({**tensors, "odd": removed[0]}, folder / "model.safetensors")
    with pytest.raises(CheckpointError) as error:
        load_folder(folder)
    for finding in (
        "missing model.mask_queries",
        "missing model.language_model.norm.weight",
        "unexpected odd",
    ):
        assert finding in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{broken", "damaged"),
        ("model.safetensors", b"", "damaged"),
        ("config.json", b"{", "not valid JSON"),
        ("config.json", b"[]", "list"),
        ("config.json", b"\xff\xfe", "not valid JSON"),
        ("config.json", b"[" * 100_000 + b"]" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_file_is_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as error:
        load_folder(folder)
    assert name in str(error.value)


def test_truncated_weights_are_damaged(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_folder(folder)


def test_interrupted_save_keeps_the_old_weights(
    folder: Path, tiny_model: InstructSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_tensors: object, path: Path, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    before = (folder / "model.safetensors").read_bytes()
    monkeypatch.setattr("instructsam_ros.models.instructsam.checkpoint.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        save_folder(tiny_model, folder)
    assert (folder / "model.safetensors").read_bytes() == before


def test_weights_that_are_integers_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    queries = torch.zeros_like(tensors["model.mask_queries"], dtype=torch.int32)
    save_file(tensors | {"model.mask_queries": queries}, file)
    with pytest.raises(CheckpointError, match=r"\n  wrong dtype model\.mask_queries: I32$"):
        load_folder(folder)
    assert main(["weights", "check", str(folder)]) == 1
    assert "\n  wrong dtype model.mask_queries: I32\n" in capsys.readouterr().out
    with TensorFiles(folder) as stored, pytest.raises(CheckpointError, match=r"wrong dtype .*: I32$"):
        fill(weightless(InstructSamConfig.from_folder(folder)), stored, "an export")


def test_every_tensor_keeps_its_precision_by_default(
    tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]
) -> None:
    mixed = {name: tensor.bfloat16() for name, tensor in tiny_weights.items()}
    mixed["model.mask_queries"] = mixed["model.mask_queries"].float()
    model = build_model(tiny_config, mixed, "mixed", dtype=None)
    kinds = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    assert kinds.pop("mask_queries") == torch.float32
    assert set(kinds.values()) == {torch.bfloat16}


def test_files_of_text_are_kept_whatever_their_encoding(
    folder: Path, tiny_model: InstructSam, tmp_path: Path
) -> None:
    (folder / "LICENSE").write_bytes("für alle".encode("latin-1"))
    (folder / "LICENSES").mkdir()
    save_folder(tiny_model, tmp_path / "copy", like=[folder])
    assert (tmp_path / "copy" / "LICENSE").read_bytes() == (folder / "LICENSE").read_bytes()


def test_a_check_spells_the_control_tokens(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has set an id wrongly sees a word there."""
    config = InstructSamConfig.from_folder(tiny_folder)
    spelled = PromptTokenizer.from_folder(tiny_folder, config).token(config.tokens.ref_start)
    assert main(["weights", "check", str(tiny_folder)]) == 0
    assert f"ref_start {config.tokens.ref_start} {spelled}, " in capsys.readouterr().out
    assert spelled


def test_the_shipped_weights_are_checked_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "check", "compact"]) == 0
    assert "every tensor is there and fits" in capsys.readouterr().out


def test_half_precision_file_loads_in_full_precision(tiny_model: InstructSam, tmp_path: Path) -> None:
    save_folder(tiny_model, tmp_path, dtype=torch.float16)
    assert load_file(tmp_path / "model.safetensors")["model.mask_queries"].dtype == torch.float16
    loaded = load_folder(tmp_path)
    assert loaded.mask_queries.dtype == torch.float32
    torch.testing.assert_close(loaded.mask_queries, tiny_model.mask_queries.half().float())
