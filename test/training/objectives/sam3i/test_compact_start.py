"""What a fresh compact SAM 3 begins with."""

import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.instructsam.checkpoint import load_folder
from instructsam_ros.models.sam3.tokenizer import ClipTokenizer
from instructsam_ros.paths import SHIPPED_MODELS
from instructsam_ros.training.objectives.sam3i.compact_start import fresh_sam3, fresh_tokenizer
from test.sam3_models import COMPACT


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(COMPACT)
    return path


def test_weights_of_the_same_layers_are_taken_over(file):
    own, compact = fresh_sam3(str(file)).net.state_dict(), load_folder(SHIPPED_MODELS["compact"])
    taken = {f"vision_encoder.{n}": t for n, t in compact.image_encoder.state_dict().items()}
    taken |= {n: t for n, t in compact.detector.state_dict().items() if "instance_projection" not in n}
    known = [name for name in own if name in taken]
    assert any(name.startswith("vision_encoder.backbone.") for name in known)
    assert any(name.startswith("detr_decoder.layers.0.") for name in known)
    assert all(torch.equal(own[name], taken[name]) for name in known)


def test_boxes_of_queries_begin_on_a_grid(file):
    boxes = fresh_sam3(str(file)).net.detr_decoder.reference_points.weight.sigmoid()
    centres = {(round(x, 3), round(y, 3)) for x, y in boxes[:, :2].tolist()}
    assert centres == {(x, y) for x in (0.167, 0.5, 0.833) for y in (0.25, 0.75)}
    assert torch.allclose(boxes[:, 2:], torch.tensor(0.15))


def test_similar_words_begin_alike(file):
    table = fresh_sam3(str(file)).net.text_encoder.text_model.embeddings.token_embedding.weight
    words = load_folder(SHIPPED_MODELS["compact"]).language.model.embed_tokens.weight
    ours, theirs = (rows[12:200] @ rows[12:200].T for rows in (table, words))
    correlation = torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1]
    assert float(correlation) > 0.8


def test_the_tokenizer_has_the_words_and_the_markers(file):
    tokenizer = ClipTokenizer(fresh_tokenizer(str(file)))
    (row,) = tokenizer(["The red mug"]).tolist()
    assert row[0] == tokenizer.start
    assert row[4] == tokenizer.end
    assert len(set(row[:5])) == 5
    assert row[5:] == [0] * 27


def test_files_that_describe_no_such_model_are_named(file):
    with pytest.raises(ConfigError, match="no name under config/models"):
        fresh_sam3("nothing")
    file.write_text(COMPACT.replace("fpn_hidden_size: 128", "fpn_hidden_size: 64"))
    with pytest.raises(ConfigError, match=r"the image side of .* does not fit"):
        fresh_sam3(str(file))
