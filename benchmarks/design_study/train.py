"""Train one arm of the study with one seed, and let it answer the held-out instructions.

    python -m benchmarks.design_study.train full --init runs/compact-23-close --seed 0

Start it again to continue a run that was stopped.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from benchmarks.command import positive_int, run
from benchmarks.design_study import questions
from benchmarks.design_study.start import freeze_image_side, fresh_model
from benchmarks.design_study.variants import ARMS
from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.models.instructsam.processing import PromptTokenizer
from instructsam_ros.training import checkpoint
from instructsam_ros.training.averaging import Average
from instructsam_ros.training.classes import CATEGORIES, COLORS
from instructsam_ros.training.config import EvaluationSettings, TrainSettings
from instructsam_ros.training.cpu_kernels import CpuKernels
from instructsam_ros.training.data.scenes import SceneBatch, SceneBatches, SceneDataSettings
from instructsam_ros.training.metric_logger import MetricLogger
from instructsam_ros.training.objectives.compact.losses import scene_loss
from instructsam_ros.training.objectives.grounding import AuxiliaryHeads
from instructsam_ros.training.optim import learning_rate, make_optimizer
from instructsam_ros.training.sampler import BatchRange
from instructsam_ros.training.validation import validate


class ArmRun:
    """One arm with one seed in the folder ``settings.out``; resumes from its last checkpoint."""

    def __init__(self, arm: str, settings: TrainSettings) -> None:
        torch.set_num_threads(settings.threads)
        self.arm, self.settings, self.folder = ARMS[arm], settings, Path(settings.out)
        fresh, self.tokenizer = fresh_model(settings.model, settings.init, settings.seed)
        self.model = self.arm.convert(fresh)
        freeze_image_side(self.model)
        channels, width = self.model.detector.channels, self.model.config.hidden_size
        self.heads = AuxiliaryHeads(channels, len(CATEGORIES), len(COLORS), width)
        self.batches = SceneBatches(
            settings.data,
            self.tokenizer,
            CATEGORIES,
            COLORS,
            self.model.config.num_queries,
            settings.seed,
        )
        self.average = Average(self.model, settings.optimizer.ema)
        self.optimizer = make_optimizer(
            self.model, self.heads, self.model.image_encoder.get_submodule("backbone"), settings.optimizer
        )
        self.step = 0
        self._resume()
        self.train_journal = MetricLogger(self.folder, "train", self.step)
        self.eval_journal = MetricLogger(self.folder, "eval", self.step)

    def run(self, until: int | None = None) -> None:
        """Train to the last step, or only to step ``until``."""
        settings = self.settings
        last = settings.steps if until is None else min(until, settings.steps)
        loader: DataLoader[SceneBatch] = DataLoader(
            self.batches, batch_size=None, sampler=BatchRange(self.step, last), num_workers=settings.workers
        )
        sums: dict[str, float] = defaultdict(float)
        started, counted = time.monotonic(), 0
        for batch in tqdm(loader, initial=self.step, total=settings.steps, unit="step"):
            for name, value in self.train_step(batch).items():
                sums[name] += value
            self.step += 1
            counted += 1
            if self.step % settings.log_every == 0:
                rate = counted * len(batch.targets) / (time.monotonic() - started)
                row = {name: value / counted for name, value in sums.items()}
                self.train_journal.add(self.step, row | {"instructions_per_second": rate})
                sums.clear()
                started, counted = time.monotonic(), 0
            if self.step % settings.checkpoint_every == 0 or self.step == last:
                self.save()
            if self.step % settings.evaluation.every == 0 or self.step == settings.steps:
                self.evaluate()
                started, counted = time.monotonic(), 0
                sums.clear()

    def train_step(self, batch: SceneBatch) -> dict[str, float]:
        """One optimizer step; the loss and its terms."""
        rate = learning_rate(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self._autocast(), CpuKernels():
            output = self.arm.forward(self.model, batch)
            loss, terms = scene_loss(output, batch, self.heads, self.settings.loss)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.settings.optimizer.clip_norm)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        values = {name: float(term) for name, term in terms.items()}
        return values | {"loss": float(loss.detach()), "grad_norm": float(norm), "learning_rate": rate}

    def evaluate(self) -> None:
        """A point of the curve, with the averaged weights."""
        with self._autocast():
            metrics = validate(self.segmenter(), self.settings.evaluation, self.folder / "samples", self.step)
        self.eval_journal.add(self.step, metrics)

    def segmenter(self) -> InstructSamSegmenter:
        """The averaged weights as users would run them."""
        prompts = PromptTokenizer(self.tokenizer.to_str(), self.model.config)
        return InstructSamSegmenter(self.average.model, prompts)

    def save(self) -> None:
        """Write all that the next step depends on."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "heads", "optimizer")}
        checkpoint.save(self.folder, state | {"step": self.step, "average": self.average.model.state_dict()})

    def _resume(self) -> None:
        state = checkpoint.load(self.folder)
        if state is None:
            return
        for name in ("model", "heads", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.average.model.load_state_dict(state["average"])
        self.step = state["step"]

    def _autocast(self) -> torch.autocast:
        mixed = self.settings.mixed_precision(torch.device("cpu"))
        return torch.autocast("cpu", torch.bfloat16, enabled=mixed == "bf16")


def study_settings(arm: str, args: argparse.Namespace) -> TrainSettings:
    """Everything but the arm's own losses is the same for all arms."""
    return TrainSettings(
        model=args.config,
        init=args.init,
        out=str(Path(args.out) / f"{arm}-{args.seed}"),
        seed=args.seed,
        steps=args.steps,
        threads=args.threads,
        workers=args.workers,
        data=SceneDataSettings(
            (args.train,), images=6, instructions=16, jitter=0.4, curriculum_steps=args.steps // 3
        ),
        evaluation=EvaluationSettings(args.heldout, every=100, views=args.curve_views),
        loss=ARMS[arm].loss,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--init", required=True, help="folder of a run with a trained image side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=positive_int, default=350, help="of 6 images x 16 instructions")
    parser.add_argument("--until", type=positive_int, help="stop early, after this step")
    parser.add_argument("--train", default="runs/scenes/train")
    parser.add_argument("--heldout", default="runs/scenes/heldout")
    parser.add_argument(
        "--views", type=positive_int, default=120, help="held-out views of the final evaluation"
    )
    parser.add_argument(
        "--curve-views", type=positive_int, default=30, help="held-out views of every curve point"
    )
    parser.add_argument("--config", default="compact", help="name or path of the model's configuration")
    parser.add_argument("--out", default="runs/design-study")
    parser.add_argument("--threads", type=positive_int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    args = parser.parse_args()
    run = ArmRun(args.arm, study_settings(args.arm, args))
    run.run(args.until)
    if run.step < args.steps:
        return
    segmenter = questions.every_mask(run.segmenter())
    answered = questions.ask(
        segmenter, lambda q: segmenter.segment(q.features, q.item.text).instances, args.heldout, args.views, 6
    )
    about = {"step": run.step, "instructions": run.step * 96, "seed": args.seed}
    questions.save(run.folder / "answers.json", answered, about)


if __name__ == "__main__":
    run(main)
