"""The training loop: exactly resumable, logged, evaluated with the code that ships."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.errors import CheckpointError, ConfigError, DivergedError
from instructsam_ros.training import checkpoint
from instructsam_ros.training.config import InstructSamTrainSettings, TrainSettings
from instructsam_ros.training.cpu_kernels import CpuKernels
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.metric_logger import MetricLogger
from instructsam_ros.training.objectives import Batch, build_objective
from instructsam_ros.training.optim import Average, by_part, learning_rate, make_optimizer
from instructsam_ros.training.sampler import BatchRange


class Trainer:
    """One run, in the folder ``settings.out``; starting it again continues it.

    A run killed at any moment and started again ends with the same weights as one that never
    stopped: batches depend on (seed, step) alone, and checkpoints hold all other state.

    Several processes (``torchrun --nproc-per-node N``) each take their own batch of a step and average
    gradients; the first of them writes, logs and evaluates.

    Raises ConfigError for a second run in one process in another precision.
    """

    def __init__(self, settings: TrainSettings | InstructSamTrainSettings) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.folder = Path(settings.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = settings.mixed_precision(device)
        try:
            self.accelerator = Accelerator(mixed_precision=self.precision, cpu=device.type == "cpu")
        except ValueError as error:  # accelerate keeps one precision per process
            raise ConfigError(
                f"precision: cannot train in {self.precision!r} after another run in this process; start a "
                f"process of its own for this run ({error})"
            ) from None
        device = self.accelerator.device
        self.objective = build_objective(settings, self.folder, self.accelerator.num_processes)
        self.model, self.heads = self.objective.model.to(device), self.objective.heads.to(device)
        self.batches = self.objective.batches
        self.validation = settings.evaluation.data_sets()
        for each in self.validation:  # better now than hours into the run
            if next(each.read(BrokenRecords()), None) is None:
                raise ConfigError(f"evaluation.sets: there is no instruction in {each.settings}")
        self.objective.pretrained.requires_grad_(settings.optimizer.backbone_rate > 0)
        self.average = Average(self.model, settings.optimizer.ema)
        self.optimizer = make_optimizer(self.model, self.heads, self.objective.pretrained, settings.optimizer)
        self.step = 0
        self._resume()

    def run(self, max_steps: int | None = None) -> None:
        """Train to the last step (or stop after step ``max_steps``), with checkpoints on the way.

        Raises DivergedError at a step whose loss or gradients are not finite; the last checkpoint stays.
        """
        settings = self.settings
        last = settings.steps if max_steps is None else min(max_steps, settings.steps)
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        loader: DataLoader[Any] = DataLoader(
            self.batches,
            batch_size=None,
            sampler=BatchRange(self.step, last, process, processes),
            num_workers=settings.workers,
            prefetch_factor=4 if settings.workers else None,
        )
        sums: dict[str, float] = defaultdict(float)
        started, counted = time.monotonic(), 0
        main = self.accelerator.is_main_process
        if main:
            losses, evaluations = (MetricLogger(self.folder, name, self.step) for name in ("train", "eval"))
            self._evaluate_if_due(losses, evaluations)  # a run may have been killed just before
        progress = tqdm(
            loader, initial=self.step, total=settings.steps, desc="train", unit="step", disable=not main
        )
        for batch in progress:
            try:
                terms = self._train_step(batch)
            except DivergedError as error:
                raise DivergedError(
                    f"diverged at step {self.step}: {error}. Lower optimizer.learning_rate; the checkpoint "
                    f"in {self.folder} is of an earlier step"
                ) from None
            for name, value in terms.items():
                sums[name] += value
            self.step += 1
            counted += 1
            if not main:
                continue
            if self.step % settings.log_every == 0:
                images = counted * self.objective.images * processes
                rate = images / (time.monotonic() - started)
                row = {name: value / counted for name, value in sums.items()}
                losses.add(self.step, row | {"images_per_second": rate})
                sums.clear()
                started, counted = time.monotonic(), 0
            if self.step % settings.checkpoint_every == 0 or self.step == last:
                self.save()
            self._evaluate_if_due(losses, evaluations)
        if main:
            losses.plot("training losses")
        self.accelerator.wait_for_everyone()

    def _train_step(self, batch: Batch) -> dict[str, float]:
        settings = self.settings
        batch = batch.to(self.accelerator.device)
        rate = learning_rate(self.step, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        with self.accelerator.autocast(), self._kernels():
            loss, terms = self.objective.loss(batch, self.step)
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        parts = by_part(self.optimizer)
        self._average_gradients([p for part in parts.values() for p in part])
        longest = settings.optimizer.clip_norm or math.inf
        norms = {name: float(nn.utils.clip_grad_norm_(part, longest)) for name, part in parts.items()}
        value = float(loss.detach())
        if not math.isfinite(sum(norms.values(), value)):
            raise DivergedError(f"the loss is {value}, gradients have the norms {norms}")
        self.optimizer.step()
        self.average.update(self.model, self.step)
        return {
            **{name: float(term) for name, term in terms.items()},
            "loss": value,
            **{f"{name}grad_norm": norm for name, norm in norms.items()},
            "learning_rate": rate,
        }

    def _kernels(self) -> AbstractContextManager[Any]:
        on_cpu = self.accelerator.device.type == "cpu" and self.precision == "bf16"
        return CpuKernels() if on_cpu else nullcontext()

    @torch.no_grad()
    def _average_gradients(self, weights: list[nn.Parameter]) -> None:
        """Over processes, in place. Where only some have a gradient of a weight (a batch that names nothing
        teaches nothing about names), the others' is zero.
        """
        if self.accelerator.num_processes == 1:
            return
        present = torch.tensor([w.grad is not None for w in weights], device=self.accelerator.device)
        taught = self.accelerator.reduce(present.int(), "sum").tolist()
        gradients = []
        for weight, processes in zip(weights, taught, strict=True):
            if processes:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
                gradients.append(weight.grad)
        mean = self.accelerator.reduce(torch.cat([g.flatten() for g in gradients]), "mean")
        for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _evaluate_if_due(self, losses: MetricLogger, evaluations: MetricLogger) -> None:
        """Every so many steps, and after the last one, score the averaged weights on the validation sets;
        write metrics, plots and pictures of the worst answers.
        """
        settings, step = self.settings, self.step
        due = step % settings.evaluation.every == 0 or step == settings.steps
        if not due or step <= self.objective.evaluate_after or evaluations.knows(step):
            return
        samples = itertools.chain.from_iterable(each.read(BrokenRecords()) for each in self.validation)
        with self.accelerator.autocast():
            result = evaluate(
                self.segmenter(),
                samples,
                limit=settings.evaluation.limit or None,
                worst=settings.evaluation.samples,
            )
        for rank, case in enumerate(result.worst, 1):
            write_atomic(self.folder / "samples" / f"{step:06d}-{rank:02d}.jpg", case.jpeg)
        evaluations.add(step, result.metrics.headline())
        losses.plot("training losses")
        evaluations.plot("validation metrics")

    def segmenter(self) -> InstructSamSegmenter:
        """The averaged weights as users run them."""
        return InstructSamSegmenter(self.average.model, self.objective.prompts)

    def save(self) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        checkpoint.save(
            self.folder,
            {
                "step": self.step,
                "model": self.model.state_dict(),
                "average": self.average.model.state_dict(),
                "heads": self.heads.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
        )

    def _resume(self) -> None:
        state: dict[str, Any] | None = checkpoint.load(self.folder)
        if state is None:
            self.objective.start()
            self.average.model.load_state_dict(self.model.state_dict())
            return
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(
                f"the run in {self.folder} has another model ({error}); use another folder (out)"
            ) from None
        self.average.model.load_state_dict(state["average"])
        self._resume_heads(state["heads"])
        self._resume_optimizer(state["optimizer"])
        self.step = state["step"]

    def _resume_heads(self, weights: dict[str, Any]) -> None:
        try:
            self.heads.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"the run in {self.folder} has the heads of another version of this package ({error}); "
                "start a new run from it (init), or continue it with that version"
            ) from None

    def _resume_optimizer(self, state: list[dict[str, Any]]) -> None:
        """The moments of the checkpoint, the rates of the settings."""
        kept = ("part", "share", "weight_decay")
        own = [{name: group[name] for name in kept} for group in self.optimizer.param_groups]
        try:
            self.optimizer.load_state_dict(state)
        except ValueError as error:
            raise CheckpointError(
                f"the run in {self.folder} trained other weights ({error}); to freeze or free the backbone, "
                "or to change muon, start a new run from this one (init)"
            ) from None
        for group, settings in zip(self.optimizer.param_groups, own, strict=True):
            group.update(settings)
