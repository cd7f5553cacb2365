"""A Qwen3-VL with random weights, which cannot answer anything, with a tokenizer and template of its own."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from instructsam_ros.errors import BudgetError, CancelledError, CheckpointError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import ChatModel, Message, Tool, ToolCall
from instructsam_ros.models.vlm.local import load_local
from test.conftest import tiny_tokenizer

TEMPLATE = """{% for tool in tools or [] %}tool {{ tool.function.name }} {% endfor %}
{%- for message in messages %}
{{- '<|im_start|>' + message.role }} {% for part in message.content %}
{%- if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}
{%- endfor %}{% for call in message.tool_calls or [] -%}
<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}
{{- '<|im_end|>' }}{% endfor %}<|im_start|>assistant """
PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
HELLO = [Message("system", "be red"), Message("user", "mug", (PICTURE, PICTURE[:, ::-1]))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    text = {
        "vocab_size": 512, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16,
        "num_attention_heads": 2, "num_key_value_heads": 1, "rope_scaling": {"mrope_section": [4, 2, 2]},
        "tie_word_embeddings": True, "eos_token_id": 511,
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16,
        "out_hidden_size": 32, "deepstack_visual_indexes": [0], "num_position_embeddings": 256,
    }  # fmt: skip
    config = Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=500, vision_start_token_id=502,
        vision_end_token_id=503, tie_word_embeddings=True,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("qwen")
    Qwen3VLForConditionalGeneration(config).save_pretrained(path)
    (path / "base.json").write_text(tiny_tokenizer())
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path / "base.json"), pad_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def chat(folder):
    return load_local(str(folder), "cpu", dtype="float32", max_tokens=4)


def test_is_a_chat_model(chat):
    assert isinstance(chat, ChatModel)


def test_the_pictures_matter_and_answers_repeat(chat):
    spending = Spending(Budget())
    first = chat.complete(HELLO, [Tool("look", "Look.")], spending=spending)
    again = chat.complete(HELLO, [Tool("look", "Look.")], spending=spending)
    assert first == again
    assert spending.calls == 2
    assert spending.tokens == 2 * first.tokens > 2 * 2 * 64  # 256 x 256 pixels are 64 tokens
    assert first.cut_off
    logits = []
    for picture in (PICTURE, 255 - PICTURE):
        inputs = chat._inputs([Message("user", "mug", (picture,))], [])
        logits.append(chat.model(**inputs).logits[0, -1])
    assert not torch.allclose(*logits)


def test_the_prompt_has_tools_calls_and_a_placeholder_for_every_token_of_a_picture(chat):
    made = ToolCall("blue", {"at": "bowl"}, "1")
    messages = [*HELLO, Message("assistant", "", call=made), Message("tool", "red", call=made)]
    inputs = chat._inputs(messages, [Tool("user", "Look.")])
    words = chat.tokenizer.decode(inputs["input_ids"][0]).split()
    assert inputs["image_grid_thw"].tolist() == [[1, 14, 20]] * 2
    assert words.count("<|image_pad|>") == 2 * 14 * 20 // 4 == int(inputs["mm_token_type_ids"].sum())
    assert words.count("user") == 2  # a tool and a role
    assert {"blue", "bowl", "mug", "red"} <= set(words)


def test_a_placeholder_in_the_text_is_no_picture(chat):
    inputs = chat._inputs([Message("user", "the <|image_pad|> mug", (PICTURE,))], [])
    assert int(inputs["mm_token_type_ids"].sum()) == 70
    assert chat.complete([Message("user", "<|image_pad|> mug")]).tokens


def test_cancelling_and_the_end_of_the_time_stop_a_generation(chat):
    polls = iter([False])
    with pytest.raises(CancelledError):
        chat.complete(HELLO, cancel=lambda: next(polls, True))
    with pytest.raises(BudgetError):
        chat.complete(HELLO, spending=Spending(Budget(seconds=0)))
    assert chat.complete(HELLO).tokens  # and it still answers


@pytest.mark.parametrize("damage", ["missing", "another", "weights", "template"])
def test_unusable_folders_are_refused(folder, tmp_path, damage):
    copy = tmp_path / "qwen"
    shutil.copytree(folder, copy)
    if damage == "missing":
        (copy / "config.json").unlink()
    elif damage == "another":
        (copy / "config.json").write_text('{"model_type": "bert"}')
    elif damage == "weights":
        (copy / "model.safetensors").write_bytes(b"123")
    else:
        (copy / "chat_template.jinja").unlink(missing_ok=True)
        settings = json.loads((copy / "tokenizer_config.json").read_text())
        settings.pop("chat_template", None)
        (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError):
        load_local(str(copy), "cpu")
