"""Options and fixtures shared by all tests."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # torch is imported by the tests that need it
    from torch import Tensor

    from instructsam_ros.models.instructsam.configuration import InstructSamConfig
    from instructsam_ros.models.instructsam.modeling import InstructSam

# No test depends on how fast the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

HERE = Path(__file__).parent
CONTROL = {
    "<|image_pad|>": 500,
    "<|vision_start|>": 502,
    "<|vision_end|>": 503,
    "[SEG]": 505,
    "<|object_ref_start|>": 508,
    "<|object_ref_end|>": 509,
    "<|im_start|>": 510,
    "<|im_end|>": 511,
}


@pytest.fixture(autouse=True)
def own_precision() -> None:
    """Let every test train in a precision of its own: accelerate keeps the first one of a process."""
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._shared_state = state.SharedDict()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=HERE / "golden",
        help="folder with case_*.npz, train_*.npz, preproc*.npz, their manifests, weights and images",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per golden file: ``inference_golden`` for case_*.npz, ``training_golden`` for train_*.npz,
    ``pixels_golden`` for preproc*.npz.

    A folder may hold one kind only; the tests of the other kinds are then skipped and say so.
    """
    folder: Path = metafunc.config.getoption("--golden-dir")
    kinds = {
        "inference_golden": "case_*.npz",
        "training_golden": "train_*.npz",
        "pixels_golden": "preproc*.npz",
    }
    for argument in kinds.keys() & set(metafunc.fixturenames):
        files = sorted(folder.glob(kinds[argument]))
        if files:
            metafunc.parametrize(argument, files, ids=[file.stem for file in files])
        elif any(file for pattern in kinds.values() for file in folder.glob(pattern)):
            none = pytest.mark.skip(reason=f"no {kinds[argument]} in {folder}")
            metafunc.parametrize(argument, [pytest.param(None, marks=none)], ids=["none"])
        else:
            raise pytest.UsageError(f"no {' and no '.join(kinds.values())} in {folder}")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Run a file's tests in one process, and those that share a costly fixture or sample, too."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        parameters = item.callspec.id.split("-") if hasattr(item, "callspec") else []
        exported = "tiny_export" in item.fixturenames or "onnx" in parameters
        item.add_marker(pytest.mark.xdist_group("tiny_export" if exported else str(item.path)))


@pytest.fixture(scope="session")
def golden_dir(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.config.getoption("--golden-dir")
    return folder


@pytest.fixture(scope="session")
def golden_file(golden_dir: Path) -> Callable[[str], Path]:
    """A file that cases share, by name: that of the folder given, or our own where it has none."""
    return lambda name: path if (path := golden_dir / name).exists() else HERE / "golden" / name


@pytest.fixture(scope="session")
def manifest(golden_file: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads(golden_file("tiny_config_and_manifest.json").read_text())


@pytest.fixture(scope="session")
def tiny_config(manifest: dict[str, Any]) -> InstructSamConfig:
    """The tiny model that the golden files were made with."""
    from instructsam_ros.models.instructsam.configuration import InstructSamConfig, TokenIds

    ids = manifest["ids"]
    tokens = TokenIds(
        image=ids["image"],
        vision_start=ids["vstart"],
        vision_end=ids["vend"],
        region=ids["region"],
        seg=ids["seg"],
        mask_start=ids["seg_start"],
        mask_end=ids["seg_end"],
        ref_start=ids["ref_start"],
        ref_end=ids["ref_end"],
        eos=(ids["im_end"],),
    )
    return InstructSamConfig(
        language=manifest["text"],
        vision=manifest["vision"],
        sam=manifest["sam"],
        tokens=tokens,
        num_queries=manifest["max_seg_nums"],
        out_dim=manifest["out_dim"],
    )


@pytest.fixture(scope="session")
def tiny_weights(golden_file: Callable[[str], Path]) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(golden_file("tiny_official_weights.safetensors"))


@pytest.fixture(scope="session")
def tiny_model(tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]) -> InstructSam:
    """Shared by all tests, which must not change it."""
    from instructsam_ros.models.instructsam.checkpoint import build_model

    return build_model(tiny_config, tiny_weights, "golden weights")


@pytest.fixture(scope="session")
def paper_model(tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]) -> InstructSam:
    """The same weights, run the way training runs them."""
    from instructsam_ros.models.instructsam.checkpoint import build_model

    return build_model(
        dataclasses.replace(tiny_config, inference_mode="paper"), tiny_weights, "golden weights"
    )


@pytest.fixture
def fresh_tiny_model(tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor]) -> InstructSam:
    """A model of its own, for tests that train it."""
    from instructsam_ros.models.instructsam.checkpoint import build_model

    return build_model(tiny_config, {n: t.clone() for n, t in tiny_weights.items()}, "golden weights")


def tiny_tokenizer() -> str:
    """tokenizer.json of a word vocabulary that holds the tiny model's control tokens."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    vocabulary = {"<unk>": 0, "red": 1, "mug": 2, "user": 3, "assistant": 4, "blue": 5, "bowl": 6, "<": 7}
    vocabulary |= {f"w{i}": i for i in range(len(vocabulary), 500)}
    vocabulary |= {"w501": 501, "w504": 504, "w506": 506, "w507": 507, **CONTROL}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    return tokenizer.to_str()


@pytest.fixture(scope="session")
def tiny_folder(
    tiny_config: InstructSamConfig, tiny_weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint folder of the tiny model, with a small tokenizer."""
    from instructsam_ros.models.instructsam.checkpoint import build_model, save_folder

    path = tmp_path_factory.mktemp("weights")
    config = dataclasses.replace(tiny_config, max_new_tokens=12)
    save_folder(build_model(config, tiny_weights, "golden weights"), path, tiny_tokenizer())
    return path


@pytest.fixture(scope="session")
def export_source(tiny_model: InstructSam, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the tiny model with fewer layers, which halves the time of an export."""
    from instructsam_ros.models.instructsam.checkpoint import save_folder
    from instructsam_ros.models.instructsam.modeling import InstructSam

    sam = copy.deepcopy(tiny_model.config.sam)
    sam["vision_config"]["backbone_config"] |= {"num_hidden_layers": 2, "global_attn_indexes": [1]}
    sam["detr_encoder_config"]["num_layers"] = sam["detr_decoder_config"]["num_layers"] = 1
    vision = tiny_model.config.vision | {"depth": 2}
    model = InstructSam(dataclasses.replace(tiny_model.config, sam=sam, vision=vision, max_new_tokens=12))
    kept = model.state_dict().keys()
    model.load_state_dict({name: value for name, value in tiny_model.state_dict().items() if name in kept})
    path = tmp_path_factory.mktemp("export_source")
    save_folder(model, path, tiny_tokenizer())
    return path


@pytest.fixture(scope="session")
def tiny_export(export_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder written by ``instructsam export onnx``."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    import numpy as np

    from instructsam_ros.models.instructsam.onnx_export import export

    path = tmp_path_factory.mktemp("onnx")
    export(export_source, path, [np.zeros((40, 90, 3), np.uint8)])
    return path


@pytest.fixture(scope="session")
def published_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random EfficientNet-Lite0 weights under their published names, batch norms unfolded."""
    import torch

    from instructsam_ros.models.instructsam.compact.efficientnet_lite import EfficientNetLite0

    model = EfficientNetLite0()
    generator = torch.Generator().manual_seed(0)
    weights = {}

    def add(conv: torch.nn.Module, name: str, norm: str) -> None:
        shape = conv.weight.shape
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) * 0.1
        weights[f"{norm}.weight"] = torch.rand(shape[0], generator=generator) + 0.5
        weights[f"{norm}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
        weights[f"{norm}.running_mean"] = torch.randn(shape[0], generator=generator) * 0.1
        weights[f"{norm}.running_var"] = torch.rand(shape[0], generator=generator) + 0.5

    add(model.stem, "_conv_stem", "_bn0")
    for index, block in enumerate(block for stage in model.stages for block in stage):
        if block.expand is not None:
            add(block.expand, f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
        add(block.depthwise, f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1")
        add(block.project, f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2")
    path = tmp_path_factory.mktemp("backbone") / "weights.pth"
    torch.save(weights, path)
    return path


@pytest.fixture
def low_rank() -> dict[str, Tensor]:
    """Tensors of an adapter of rank 4 of one layer, 8 to 6."""
    import torch

    from test.adapters import HEAD, LAYER

    generator = torch.Generator().manual_seed(0)
    return {
        f"{HEAD}{LAYER}.lora_A.weight": torch.randn(4, 8, generator=generator),
        f"{HEAD}{LAYER}.lora_B.weight": torch.randn(6, 4, generator=generator),
    }


@pytest.fixture(scope="session")
def sam3i_golden(golden_dir: Path) -> Path:
    """Folder of the golden files of SAM3-I: that of --golden-dir where it has some, else our own."""
    candidates = (golden_dir / "sam3i", golden_dir, HERE / "golden" / "sam3i")
    return next(folder for folder in candidates if (folder / "tiny_io.safetensors").exists())


@pytest.fixture(scope="session")
def seg_token_folder(tiny_config: InstructSamConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a small model with random weights that writes [SEG] tokens."""
    import torch

    from instructsam_ros.models.instructsam.checkpoint import new_model, save_folder

    detr = {"hidden_size": 32, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]}
    config = dataclasses.replace(
        tiny_config,
        language={
            "vocab_size": 512, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "rope_parameters": rope,
        },
        vision={"height": 64, "width": 96},
        sam={
            "detr_encoder_config": detr,
            "detr_decoder_config": detr,
            "mask_decoder_config": {"hidden_size": 32, "num_attention_heads": 2},
        },
        image_encoder="pyramid",
        detector="pointer",
        inference_mode="paper",
        instance_decoding="autoregressive",
        prompt="<|vision_start|>{image}<|vision_end|>{instruction}<|im_end|>",
        out_dim=32,
        max_new_tokens=16,
    )  # fmt: skip
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("seg_token")
    save_folder(new_model(config), path, tiny_tokenizer())
    return path


@pytest.fixture(scope="session")
def sam3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test.sam3_models import write_sam3_folder

    return write_sam3_folder(tmp_path_factory.mktemp("sam3"))


@pytest.fixture(scope="session")
def sam3i_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test.sam3_models import write_sam3i_folder

    return write_sam3i_folder(tmp_path_factory.mktemp("sam3i"))


@pytest.fixture(scope="session")
def compact_sam3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test.sam3_models import write_compact_sam3

    return write_compact_sam3(tmp_path_factory.mktemp("compact_sam3"))


@pytest.fixture(scope="session")
def compact_sam3i_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test.sam3_models import write_compact_sam3i

    return write_compact_sam3i(tmp_path_factory.mktemp("compact_sam3i"))
