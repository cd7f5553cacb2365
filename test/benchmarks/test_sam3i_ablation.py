"""The ablation of SAM3-I: which runs it makes, and its table."""

import numpy as np

from benchmarks import sam3i_ablation as ablation
from instructsam_ros.training.data.sample import Phrase, Sample

VALUES = {
    "objective": "sam3i",
    "adapters": {"preset": "released", "bottleneck": 8},
    "data": {"batch": 2},
    "out": "unused",
    "steps": 1,
    "threads": 1,
    "workers": 0,
    "precision": "no",
    "report_to": [],
    "loss": {"one_to_many": False},
    "optimizer": {"warmup_steps": 1, "ema": 0.0},
    "evaluation": {},
}


def test_an_arm_is_trained_from_those_before_it_and_once(sam3_folder, tmp_path, monkeypatch):
    seen = []

    class Trainer:
        def __init__(self, settings):
            seen.append(settings)

        def run(self):
            pass

    def export_run(settings, folder):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(ablation, "Trainer", Trainer)
    monkeypatch.setattr(ablation, "export_run", export_run)
    sets = [{"format": "hmpl", "annotations": "a.json", "images": "images"}]
    values = {**VALUES, "data": {"sets": sets}, "evaluation": {"sets": sets}}
    folder = ablation.trained("1+2+3, contrast", values, sam3_folder, tmp_path)
    assert [settings.stage for settings in seen] == [1, 2, 3]
    assert [settings.model for settings in seen] == [
        str(sam3_folder),
        str(tmp_path / "1"),
        str(tmp_path / "1+2"),
    ]
    loss = seen[-1].loss
    assert (loss.contrast, loss.anchor, loss.agreement, loss.disagreement) == (1.0, 0.0, 0.0, 0.0)
    assert not loss.one_to_many
    assert ablation.trained("1+2+3, contrast", values, sam3_folder, tmp_path) == folder
    ablation.trained("2 only", values, sam3_folder, tmp_path)
    assert len(seen) == 4
    assert (seen[-1].stage, seen[-1].model) == (2, str(tmp_path / "fresh"))
    assert (tmp_path / "fresh" / "tokenizer.json").exists()


def test_levels_are_scored_on_the_routes_of_the_arm(sam3_folder, sam3i_folder):
    def sample(level):
        return Sample(
            "a.png",
            lambda: np.zeros((20, 30, 3), np.uint8),
            "red mug",
            (Phrase("red mug", lambda: np.zeros((0, 20, 30), bool)),),
            labels={"level": level},
        )

    samples = [sample("simple"), sample("complex"), sample("concept")]
    for folder, routes in ((sam3_folder, (None, None)), (sam3i_folder, ("simple", "complex"))):
        found = ablation.figures(folder, routes, samples)
        assert len(found) == 4
        giou, ap50 = found[::2], found[1::2]
        assert all(0 <= value <= 100 for value in giou)
        assert np.isnan(ap50).all()  # there is no instance


def test_a_line_has_means_and_with_several_seeds_the_range():
    assert ablation.row("1", [[50.0, 1.0]]) == "| 1 | 50.0 | 1.0 |"
    assert ablation.row("1", [[50.0], [60.0]]) == "| 1 | 55.0 (50.0 to 60.0) |"
