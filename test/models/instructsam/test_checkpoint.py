"""Released layout: names and shapes at full size, complete error lists, and saving and loading."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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
from instructsam_ros.models.instructsam.inference_mode import RELEASED
from instructsam_ros.models.instructsam.modeling import InstructSam
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.paths import share
from instructsam_ros.yaml_config import load_yaml
from test.models.shards import shard

HERE = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def released_shapes() -> dict[str, tuple[int, ...]]:
    listing = json.loads(gzip.decompress((HERE / "released_tensors.json.gz").read_bytes()))
    return {name: tuple(shape) for name, shape in listing.items()}


@pytest.fixture(scope="module")
def full_size() -> InstructSamConfig:
    return load_yaml(InstructSamConfig, share("config", "models", "2b.yaml"))


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


def test_published_configuration_equals_the_shipped_one(full_size: InstructSamConfig) -> None:
    published = json.loads((HERE / "released_config.json").read_text())
    read = InstructSamConfig.from_released({**published, "eos_token_id": [151645, 151643]})
    for field in ("tokens", "num_queries", "out_dim", "behaviour", "instruction_suffix", "prompt", "sam"):
        assert getattr(read, field) == getattr(full_size, field), field
    for section in ("language", "vision"):
        shipped = getattr(full_size, section)
        assert {name: getattr(read, section)[name] for name in shipped} == shipped


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


def test_configuration_survives_the_json(tiny_config: InstructSamConfig) -> None:
    changed = dataclasses.replace(tiny_config, behaviour="paper", score_threshold=0.7, max_new_tokens=9)
    assert InstructSamConfig.from_released(json.loads(json.dumps(changed.to_released()))) == changed


@pytest.mark.parametrize(
    ("generation", "ends"),
    [({"eos_token_id": [1, 2]}, (1, 2)), ({}, (511,)), ({"eos_token_id": None}, (511,))],
)
@pytest.mark.parametrize("said", [{}, {"eos_token_id": None}])
def test_what_ends_an_answer_is_read_from_where_it_is_said(
    folder: Path, generation: dict[str, Any], ends: tuple[int, ...], said: dict[str, Any]
) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["eos_token_id"]
    config |= said
    config["text_config"]["eos_token_id"] = 511
    path.write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps(generation))
    assert InstructSamConfig.from_folder(folder).tokens.eos == ends


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


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    text = config["text_config"] | changes.pop("text_config", {})
    (folder / "config.json").write_text(json.dumps(config | {"text_config": text} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_config": {"hidden_size": None}}, "names no hidden_size"),
        ({"text_config": {"vocab_size": "512"}}, "names no vocab_size"),
        ({"seg_token_index": True}, "lacks seg_token_index"),
        ({"text_config": {"num_hidden_layers": "three"}}, "no model can be built"),
        ({"seg_token_index": 9999}, r"seg \(seg_token_index\) is 9999, and there are only 512 words"),
        ({"eos_token_id": [511, 512]}, r"eos \(eos_token_id\) is 512"),
        ({"eos_token_id": []}, r"config\.json: eos \(eos_token_id\) lists no id"),
        ({"eos_token_id": ["511"]}, r"config\.json: eos_token_id is \['511'\]"),
        ({"seg_token_index": 506}, r"seg \(seg_token_index\) and mask_start \(seg_start_.*\) are both 506"),
        ({"ref_end_token_index": 508}, r"ref_start \(.*\) and ref_end \(ref_end_token_index\) are both 508"),
        ({"image_token_id": 511}, r"image \(image_token_id\) and eos \(eos_token_id\) are both 511"),
        ({"max_seg_nums": 0}, "max_seg_nums"),
        ({"max_seg_nums": "10"}, r"config\.json\.max_seg_nums: expected int"),
        ({"sam_config": None}, r"config\.json\.sam_config: expected a mapping"),
        ({"text_config": {"rope_parameters": {"mrope_section": [4, 2, 2]}}}, "names no rope_theta"),
        ({"tie_word_embeddings": False}, "only tied output heads"),
        ({"behaviour": "fast"}, "preset 'fast' is not one of released, paper"),
        ({"behaviour": {"preset": "paper", "offset": 1}}, "behaviour: unknown setting offset"),
        ({"min_pixels": 10, "max_pixels": 9}, "max_pixels must be at least 10"),
    ],
)
def test_settings_that_describe_no_model_are_named(
    folder: Path, changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change_config(folder, **changes)
    with pytest.raises(ConfigError, match=message):
        load_folder(folder)
    assert main(["weights", "check", str(folder)]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision_config": {"num_heads": 3}}, r"vision_config: hidden_size 32 .* 3 heads \(num_heads\)"),
        ({"vision_config": {"num_heads": 16}}, "a multiple of 4"),  # the default: two numbers cannot turn
        ({"text_config": {"num_key_value_heads": 3}}, "3 num_key_value_heads"),
        (
            {"text_config": {"rope_parameters": {"mrope_section": [4, 2]}}},
            r"mrope_section is \[4, 2\].* 8, half",
        ),
        ({"text_config": {"rope_parameters": {"mrope_section": [4, 2, 9]}}}, r"mrope_section is \[4, 2, 9\]"),
        (
            {"sam_config": {"detr_encoder_config": {"num_attention_heads": 5}}},
            r"sam_config\.detr_encoder_config",
        ),
        ({"vision_config": {"deepstack_visual_indexes": [0, 3]}}, r"\[0, 3\].* the 3 that there are"),
        ({"vision_config": {"deepstack_visual_indexes": [1, 1]}}, "different layers"),
    ],
)
def test_sizes_that_build_a_model_that_cannot_run_are_named(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(merged(json.loads(path.read_text()), changes)))
    with pytest.raises(ConfigError, match=message):
        load_folder(folder)


def merged(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``changes`` in place of what ``settings`` says, at every depth."""
    nested = {k: merged(settings[k], v) for k, v in changes.items() if isinstance(v, dict)}
    return settings | changes | nested


def test_tokens_may_share_an_id_with_one_that_nothing_reads(folder: Path) -> None:
    change_config(folder, region_token_index=505, eos_token_id=[511, 511])
    assert InstructSamConfig.from_folder(folder).tokens.region == 505


def test_the_older_place_of_rope_theta_is_read(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    section = config["text_config"].pop("rope_parameters")["mrope_section"]
    config["text_config"] |= {"rope_theta": 7, "rope_scaling": {"mrope_section": section}}
    path.write_text(json.dumps(config))
    rotary = load_folder(folder).language.model.rotary_emb
    torch.testing.assert_close(rotary.inv_freq, 7 ** -(torch.arange(8) / 8))
    assert rotary.mrope_section == section


def test_a_variant_of_a_preset_is_a_behaviour(folder: Path) -> None:
    change_config(folder, behaviour={"preset": "released", "block_offset": 0})
    config = InstructSamConfig.from_folder(folder)
    assert config.inference_mode == dataclasses.replace(RELEASED, block_offset=0)
    assert InstructSamConfig.from_released(json.loads(json.dumps(config.to_released()))) == config


@pytest.mark.parametrize(
    "processor",
    [{"size": {"shortest_edge": 4096, "longest_edge": 65536}}, {"min_pixels": 4096, "max_pixels": 65536}],
)
@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
def test_limits_of_the_image_processor_are_kept_to(
    folder: Path, processor: dict[str, Any], name: str
) -> None:
    """transformers 5 keeps it as a part of processor_config.json."""
    path = folder / name

    def write(settings: dict[str, Any]) -> None:
        whole = {"image_processor": settings} if name == "processor_config.json" else settings
        path.write_text(json.dumps(whole))

    image = np.zeros((480, 640, 3), np.uint8)
    assert load_folder(folder).image_encoder.preprocess(image).patch_grid.tolist() == [[1, 30, 40]]
    config = json.loads((folder / "config.json").read_text())
    del config["min_pixels"], config["max_pixels"]  # as published
    (folder / "config.json").write_text(json.dumps(config))
    write(processor | {"image_mean": [0.5] * 3})
    assert load_folder(folder).image_encoder.preprocess(image).patch_grid.prod() * 16 * 16 <= 65536
    write(processor | {"image_std": [0.2, 0.3, 0.2]})
    with pytest.raises(CheckpointError, match=r"image_std is \[0\.2, 0\.3, 0\.2\]"):
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


def test_every_tensor_keeps_its_precision_where_none_is_asked_for(
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
