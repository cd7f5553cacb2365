"""The three stages through the one trainer, on the tiny golden model."""

import pytest
import torch

from instructsam_ros.backends.sam3 import load as load_sam3_backend
from instructsam_ros.backends.sam3i import load
from instructsam_ros.errors import ConfigError
from instructsam_ros.training.checkpoint import export_run
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.objectives.sam3i.objective import Sam3IObjective
from instructsam_ros.training.trainer import Trainer
from test.sam3_models import COMPACT

torch.set_num_threads(1)


def trained(trainer):
    return {name for name, parameter in trainer.model.named_parameters() if parameter.requires_grad}


def test_three_stages_follow_each_other_and_the_last_export_answers(file, tmp_path):
    folder = None
    before = {}
    for stage, members in ((1, {"simple"}), (2, {"simple_copy", "complex"}), (3, None)):
        path = file(stage, folder) if folder else file(stage)
        settings = load_settings(path)
        trainer = Trainer(settings)
        names = trained(trainer)
        assert names
        assert all(name.startswith("adapters.") for name in names)
        if members:
            places = {name.split(".")[3] for name in names if name.startswith("adapters.text")}
            assert places == members
        before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
        trainer.run()
        after = trainer.model.state_dict()
        changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
        assert changed
        assert changed <= names
        folder = tmp_path / f"export{stage}"
        assert export_run(settings, folder).step == settings.steps
    answer = load(str(folder), "cpu", dtype="float32", score_threshold=0.0).segment_image(
        torch.zeros(20, 30, 3, dtype=torch.uint8).numpy(), "the mug left of the bowl"
    )
    assert answer.instances


def test_sam3_itself_learns_noun_phrases_from_a_compact_start(file, tmp_path):
    (tmp_path / "model.yaml").write_text(COMPACT)
    path = file(0, tmp_path / "model.yaml", features=str(tmp_path / "features"))
    settings = load_settings(path)
    trainer = Trainer(settings)
    assert not any(name.startswith("net.vision_encoder.") for name in trained(trainer))
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.run()
    after = trainer.model.state_dict()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert {"net.text_projection.weight", "net.detr_decoder.query_embed.weight"} <= changed
    assert len(list((tmp_path / "features").rglob("*.safetensors"))) == 3
    export_run(settings, tmp_path / "export")
    found = load_sam3_backend(str(tmp_path / "export"), "cpu", score_threshold=0.0).segment_image(
        torch.zeros(20, 30, 3, dtype=torch.uint8).numpy(), "mug"
    )
    assert len(found.instances) <= 6
    next_stage = load_settings(file(1, tmp_path / "export", features=str(tmp_path / "features")))
    Trainer(next_stage).run()
    assert len(list((tmp_path / "features").rglob("*.safetensors"))) == 3


def test_the_loss_falls(file):
    trainer = Trainer(load_settings(file(1, steps=12)))
    batch = trainer.batches[0]
    first = float(trainer.objective.loss(batch, 0)[0].detach())
    trainer.run()
    assert float(trainer.objective.loss(batch, 0)[0].detach()) < first


def test_a_run_that_stopped_resumes_to_the_same_bits(file, tmp_path):
    path = file(1)
    whole, parts = (load_settings(path, [f"out={tmp_path / name}"]) for name in ("whole", "parts"))
    Trainer(whole).run()
    Trainer(parts).run(2)
    Trainer(parts).run()
    states = [
        torch.load(tmp_path / name / "last.pt", weights_only=True)["model"] for name in ("whole", "parts")
    ]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


@pytest.mark.parametrize("preset", ["released", "paper"])
def test_alignment_terms_of_both_presets(file, sam3i_folder, preset):
    objective = Sam3IObjective(load_settings(file(3, sam3i_folder, loss={"alignment": preset})))
    batch = next(b for b in (objective.batches[i] for i in range(9)) if len(set(b.concepts)) == 2)
    total, terms = objective.loss(batch, 0)
    assert {"contrast", "anchor", "agreement", "disagreement"} < set(terms)
    assert {name.split("_")[0] for name in terms} >= {"simple", "complex"}
    assert float(total) == pytest.approx(float(sum(terms.values())), rel=1e-5)
    total.backward()
    assert objective.model.adapters.projectors["shared"][0].weight.grad.abs().max() > 0


def test_without_one_to_many_queries(file):
    objective = Sam3IObjective(load_settings(file(1, loss={"one_to_many": False})))
    _, terms = objective.loss(objective.batches[0], 0)
    assert "simple_one_to_many" not in terms
    assert "simple_box" in terms


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"start": "paper"}, "how complex adapters begin"),
        ({"stage": 4}, "stage"),
        ({"optimizer": {"muon": True}}, "not of SAM3-I"),
        ({"loss": {"temperature": 0}}, "temperature"),
    ],
)
def test_unfit_settings_are_named(file, changes, match):
    with pytest.raises(ConfigError, match=match):
        load_settings(file(**{"stage": 1, **changes}))
