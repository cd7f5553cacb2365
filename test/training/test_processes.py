"""Two processes that average gradients hold the same weights, and learn from both batches."""

import shutil

import torch
import yaml

from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import load_settings
from instructsam_ros.training.trainer import Trainer
from test.forks import fork_ranks


def train(file, folder):
    trainer = Trainer(load_settings(file))
    trainer.run(2)
    torch.save(trainer.model.state_dict(), folder / f"rank{trainer.accelerator.process_index}.pt")


def test_processes_share_every_step(small_model_file, scene_root, published_backbone, tmp_path):
    file, views = tmp_path / "train.yaml", shutil.copytree(scene_root, tmp_path / "views")
    values = {
        "model": str(small_model_file),
        "backbone": str(published_backbone),
        "out": str(tmp_path / "run"),
        "steps": 3,
        "threads": 1,
        "workers": 0,
        "data": {
            "roots": [str(views)],
            "images": 1,
            "instructions": 2,
        },
        "evaluation": {
            "sets": [{"format": "scenes", "root": str(scene_root), "views": 1, "instructions": 1}],
            "every": 100,
        },
    }
    file.write_text(yaml.safe_dump(values))
    Trainer(load_settings(file)).save()  # both start from here, tokenizer included
    fork_ranks(2, train, file, tmp_path, folder=tmp_path)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    saved = checkpoint.load(tmp_path / "run")
    assert saved is not None
    assert saved["step"] == 2

    alone = Trainer(load_settings(_elsewhere(file, tmp_path, "alone")))
    alone.run(2)  # the first process's batches only
    assert any(not torch.allclose(first[n], v) for n, v in alone.model.state_dict().items())
    both = Trainer(load_settings(_elsewhere(file, tmp_path, "both", gradient_accumulation_steps=2)))
    both.run(2)  # the batches of both processes
    for name, value in both.model.state_dict().items():
        torch.testing.assert_close(value, first[name], rtol=0, atol=1e-5, msg=name)


def _elsewhere(file, tmp_path, name, **changes):
    values = yaml.safe_load(file.read_text()) | {"out": str(tmp_path / name), **changes}
    other = tmp_path / f"{name}.yaml"
    other.write_text(yaml.safe_dump(values))
    return other
