"""Settings of a model: read, written back, and refused where no model can run with them."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from instructsam_ros.cli import main
from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.instructsam.checkpoint import (
    load_folder,
    save_folder,
)
from instructsam_ros.models.instructsam.configuration import InstructSamConfig
from instructsam_ros.models.instructsam.inference_mode import RELEASED

HERE = Path(__file__).parents[2] / "golden"


def test_published_configuration_equals_the_shipped_one(full_size: InstructSamConfig) -> None:
    published = json.loads((HERE / "released_config.json").read_text())
    read = InstructSamConfig.from_released({**published, "eos_token_id": [151645, 151643]})
    for field in (
        "tokens",
        "num_queries",
        "out_dim",
        "inference_mode",
        "instruction_suffix",
        "prompt",
        "sam",
    ):
        assert getattr(read, field) == getattr(full_size, field), field
    for section in ("language", "vision"):
        shipped = getattr(full_size, section)
        assert {name: getattr(read, section)[name] for name in shipped} == shipped


def test_configuration_survives_the_json(tiny_config: InstructSamConfig) -> None:
    changed = dataclasses.replace(tiny_config, inference_mode="paper", score_threshold=0.7, max_new_tokens=9)
    assert InstructSamConfig.from_released(json.loads(json.dumps(changed.to_released()))) == changed


def test_former_keys_are_read_and_current_ones_written(folder: Path, tmp_path: Path) -> None:
    former = {"behaviour": "paper", "duplicate_iou": 0.4, "choice_gain": 2.0}
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key in ("inference_mode", "nms_iou_threshold", "selection_score_gain"):
        del config[key]
    path.write_text(json.dumps(config | former))
    model = load_folder(folder)
    read = model.config
    assert (read.inference_mode, read.nms_iou_threshold, read.selection_score_gain) == ("paper", 0.4, 2.0)
    save_folder(model, tmp_path / "copy", like=[folder])
    assert not former.keys() & json.loads((tmp_path / "copy" / "config.json").read_text()).keys()
    assert InstructSamConfig.from_folder(tmp_path / "copy") == read


def test_a_former_and_a_current_key_together_are_an_error(folder: Path) -> None:
    change_config(folder, behaviour="paper")
    with pytest.raises(ConfigError, match="behaviour and inference_mode are the same setting"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("generation", "ends"),
    [({"eos_token_id": [1, 2]}, (1, 2)), ({}, (511,)), ({"eos_token_id": None}, (511,))],
)
@pytest.mark.parametrize("given", [{}, {"eos_token_id": None}])
def test_the_end_tokens_are_read_from_whichever_file_names_them(
    folder: Path, generation: dict[str, Any], ends: tuple[int, ...], given: dict[str, Any]
) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["eos_token_id"]
    config |= given
    config["text_config"]["eos_token_id"] = 511
    path.write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps(generation))
    assert InstructSamConfig.from_folder(folder).tokens.eos == ends


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
        ({"inference_mode": "fast"}, "preset 'fast' is not one of released, paper"),
        ({"inference_mode": {"preset": "paper", "offset": 1}}, "inference_mode: unknown setting offset"),
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


def test_a_variant_of_a_preset_is_an_inference_mode(folder: Path) -> None:
    change_config(folder, inference_mode={"preset": "released", "block_offset": 0})
    config = InstructSamConfig.from_folder(folder)
    assert config.mode == dataclasses.replace(RELEASED, block_offset=0)
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


def test_a_pointer_of_git_lfs_in_place_of_the_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    )
    with pytest.raises(CheckpointError, match="git lfs pull"):
        InstructSamConfig.from_folder(tmp_path)
