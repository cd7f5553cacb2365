"""The training loop: exactly resumable, logged, evaluated with the code that ships."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import CheckpointError, ConfigError, DivergedError
from instructsam_ros.segmenter import Segmenter
from instructsam_ros.training import checkpoint
from instructsam_ros.training.acceleration import make_accelerator
from instructsam_ros.training.config import Settings
from instructsam_ros.training.cpu_kernels import CpuKernels
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.evaluation.evaluator import evaluate
from instructsam_ros.training.evaluation.metrics import Metrics
from instructsam_ros.training.metric_logger import MetricLogger, check_trackers
from instructsam_ros.training.objectives import Batch, Objective, build_objective
from instructsam_ros.training.optim import by_part, learning_rate, make_optimizer
from instructsam_ros.training.sampler import BatchRange
from instructsam_ros.training.sharding import gathered, whole
from instructsam_ros.training.weight_average import WeightAverage


class LossModule(nn.Module):
    """The objective's loss as the forward pass of a module, the form that DDP, FSDP and DeepSpeed wrap."""

    _no_split_modules = ("Qwen3VLTextDecoderLayer", "Qwen3VLVisionBlock", "Sam3ViTLayer")
    """Layers that FSDP gathers one by one: those that every batch runs equally often. What is left is whole
    during a step."""

    def __init__(self, objective: Objective, is_sharded: bool) -> None:
        super().__init__()
        self.objective, self.is_sharded = objective, is_sharded
        self.model, self.heads = objective.model, objective.heads

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """See Objective.loss."""
        total, terms = self.objective.loss(batch, step)
        # Processes have to reduce the same gradients, also those of weights that a batch does not use.
        used = [p for p in self.parameters() if p.requires_grad and not isinstance(p, DTensor)]
        if self.is_sharded:
            total = total + 0 * torch.stack([p.sum() for p in used]).sum()
        return total, terms


class Logs(NamedTuple):
    """The tables of a run."""

    losses: MetricLogger
    evaluations: MetricLogger


class Trainer:
    """One run, in the folder ``settings.out``; starting it again continues it.

    A run killed at any moment and started again ends with the same weights as one that never
    stopped: batches depend on (seed, step) alone, and checkpoints hold all other state.

    A step averages the gradients of ``gradient_accumulation_steps`` batches of each of the processes
    (``accelerate launch``, torchrun, Ray); the first process writes, logs and evaluates.

    Raises ConfigError as ``make_accelerator`` does.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.settings = settings
        check_trackers(settings.report_to)
        figures = [field.name for field in fields(Metrics)]
        if settings.best and settings.best.metric not in figures:
            raise ConfigError(
                f"best.metric: {settings.best.metric!r} is no metric; metrics are {', '.join(figures)}"
            )
        self.folder = Path(settings.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.accelerator = make_accelerator(settings)
        self.precision = self.accelerator.mixed_precision
        self.is_sharded = self.accelerator.is_fsdp2
        device = self.accelerator.device
        self.batches_per_step = self.accelerator.num_processes * settings.gradient_accumulation_steps
        self.objective = build_objective(settings, self.folder, self.batches_per_step)
        self.model, self.heads = self.objective.model.to(device), self.objective.heads.to(device)
        self.batches = self.objective.batches
        self.validation = settings.evaluation.data_sets()
        for each in self.validation:  # better now than hours into the run
            if next(each.read(BrokenRecords()), None) is None:
                raise ConfigError(f"evaluation.sets: there is no instruction in {each.settings}")
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(settings.part(name).rate > 0)
        self.average = WeightAverage(self.model, settings.optimizer.ema)
        self.optimizer = make_optimizer(self.model, self.heads, settings.part, settings.optimizer)
        self.step = 0
        state = checkpoint.load(self.folder)
        self._resume_weights(state)
        self.loss, *members = self.accelerator.prepare(
            LossModule(self.objective, self.is_sharded), *self.optimizer.members
        )
        self.optimizer.members = tuple(members)
        if self.is_sharded:
            self.average.shard(keep=self.accelerator.is_main_process)
        if state is not None:
            self._resume_optimizer(state["optimizer"])
            if self.accelerator.is_main_process:
                tqdm.write(f"continuing at step {self.step} of {settings.steps} in {self.folder}")

    def run(self, max_steps: int | None = None) -> None:
        """Train to the last step (or stop after step ``max_steps``), with checkpoints on the way.

        Raises DivergedError at a step whose loss or gradients are not finite; the last checkpoint stays.
        """
        settings = self.settings
        last = settings.steps if max_steps is None else min(max_steps, settings.steps)
        loader: DataLoader[Any] = DataLoader(
            self.batches,
            batch_size=None,
            sampler=BatchRange(
                *(self.step, last, self.batches_per_step),
                *(self.accelerator.process_index, self.accelerator.num_processes),
            ),
            num_workers=settings.workers,
            prefetch_factor=4 if settings.workers else None,
        )
        sums: dict[str, float] = defaultdict(float)
        started, counted = time.monotonic(), 0
        main = self.accelerator.is_main_process
        logs = None
        if main:
            tables = (
                MetricLogger(self.folder, name, self.step, settings.report_to) for name in ("train", "eval")
            )
            logs = Logs(*tables)
        self._evaluate_if_due(logs)  # a run may have been killed just before
        batches = iter(loader)
        progress = tqdm(
            range(self.step, last),
            initial=self.step,
            total=settings.steps,
            desc="train",
            unit="step",
            disable=not main,
        )
        for _ in progress:
            of_step = list(islice(batches, settings.gradient_accumulation_steps))
            try:
                terms = self._train_step(of_step)
            except DivergedError as error:
                records = [record for batch in of_step for record in getattr(batch, "records", ())]
                samples = f". Samples of the step: {'; '.join(records)}" if records else ""
                raise DivergedError(
                    f"diverged at step {self.step}: {error}. Lower optimizer.learning_rate; the checkpoint "
                    f"in {self.folder} is of an earlier step{samples}"
                ) from None
            for name, value in terms.items():
                sums[name] += value
            self.step += 1
            counted += 1
            if logs and self.step % settings.log_every == 0:
                images = counted * self.objective.images * self.batches_per_step
                rate = images / (time.monotonic() - started)
                row = {name: value / counted for name, value in sums.items()}
                logs.losses.add(self.step, row | {"images_per_second": rate})
                progress.set_postfix({"loss": f"{row['loss']:.4g}", "images/s": f"{rate:.3g}"})
                sums.clear()
                started, counted = time.monotonic(), 0
            if self.step % settings.checkpoint_every == 0 or self.step == last:
                self.save()
            self._evaluate_if_due(logs)
        if logs:
            logs.losses.plot("training losses")
        self.accelerator.wait_for_everyone()

    def _train_step(self, batches: Sequence[Batch]) -> dict[str, float]:
        """One step of the optimizer on this process's batches; returns their mean loss and its terms."""
        settings = self.settings
        rate = learning_rate(self.step, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad()
        means: dict[str, float] = defaultdict(float)
        for batch in batches:
            with self.accelerator.accumulate(self.loss):
                with self._kernels(), self.accelerator.autocast():
                    loss, terms = self.loss(batch.to(self.accelerator.device), self.step)
                self.accelerator.backward(loss)
            for name, term in {**terms, "loss": loss.detach()}.items():
                means[name] += float(term) / len(batches)
        longest = settings.optimizer.clip_norm or math.inf
        norms = {
            name: float(whole(nn.utils.clip_grad_norm_(part, longest)))
            for name, part in by_part(self.optimizer).items()
        }
        if not math.isfinite(sum(norms.values(), means["loss"])):
            raise DivergedError(f"the loss is {means['loss']}, gradients have the norms {norms}")
        self.optimizer.step()
        self.average.update()
        return {
            **means,
            **{f"{name}grad_norm": norm for name, norm in norms.items()},
            "learning_rate": rate,
        }

    def _kernels(self) -> AbstractContextManager[Any]:
        on_cpu = self.accelerator.device.type == "cpu" and self.precision == "bf16"
        return CpuKernels() if on_cpu else nullcontext()

    def _evaluate_if_due(self, logs: Logs | None) -> None:
        """Every so many steps, and after the last one, score the averaged weights on the validation sets;
        write metrics, plots and pictures of the worst answers. logs: of the first process, which does it.
        """
        settings, step = self.settings, self.step
        due = step % settings.evaluation.every == 0 or step == settings.steps
        if not due or step <= self.objective.evaluate_after:
            return
        self.average.gather()
        values: dict[str, float] = {}
        is_best = False
        if logs and not logs.evaluations.knows(step):
            values, rule = self._evaluate(), settings.best
            value = values.get(rule.metric) if rule else None
            if rule and value is not None:
                is_best = rule.improves(value, logs.evaluations.column(rule.metric))
        if broadcast_object_list([is_best])[0]:
            self.save(checkpoint.BEST)
        if logs and values:  # last: an evaluation without its row is repeated, best.pt included
            logs.evaluations.add(step, values)
            logs.losses.plot("training losses")
            logs.evaluations.plot("validation metrics")

    def _evaluate(self) -> dict[str, float]:
        """Score the averaged weights and write pictures of the worst answers; return the metrics."""
        evaluation = self.settings.evaluation
        samples = itertools.chain.from_iterable(each.read(BrokenRecords()) for each in self.validation)
        with self.accelerator.autocast():
            result = evaluate(
                self.segmenter(),
                samples,
                limit=evaluation.limit or None,
                worst=evaluation.samples,
            )
        for rank, case in enumerate(result.worst, 1):
            write_atomic(self.folder / "samples" / f"{self.step:06d}-{rank:02d}.jpg", case.jpeg)
        if self.is_sharded:
            self.average.module.cpu()
        return result.metrics.headline()

    def segmenter(self) -> Segmenter:
        """The averaged weights as users run them."""
        return self.objective.segmenter(self.average.module.to(self.accelerator.device))

    def save(self, name: str = checkpoint.NAME) -> None:
        """Write a checkpoint of everything that the next step depends on; all processes call this, the first
        one writes.
        """
        main = self.accelerator.is_main_process
        self.average.gather()
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.module.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        if self.is_sharded:
            state = gathered(state, keep=main)
        if main:
            checkpoint.save(self.folder, state, name)

    def _resume_weights(self, state: dict[str, Any] | None) -> None:
        if state is None:
            self.objective.start()
            self.average.load_state_dict(self.model.state_dict(), steps=0)
            return
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(
                f"the run in {self.folder} has another model ({error}); use another folder (out)"
            ) from None
        self._resume_heads(state["heads"])
        self.step = state["step"]
        self.average.load_state_dict(state["average"], steps=self.step)

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
        kept = ("name", "part", "share", "weight_decay")
        own = [{name: group[name] for name in kept} for group in self.optimizer.param_groups]
        before = [group.get("name", "") for member in state for group in member["param_groups"]]
        try:
            if all(before) and before != [group["name"] for group in own]:
                raise ValueError(f"it trained {', '.join(dict.fromkeys(before))}")
            self.optimizer.load_state_dict(state)
        except ValueError as error:
            raise CheckpointError(
                f"the run in {self.folder} trained other weights ({error}); to freeze or free the backbone "
                "or another part, or to change muon, start a new run from this one (init, or its export as "
                "model)"
            ) from None
        for group, settings in zip(self.optimizer.param_groups, own, strict=True):
            group.update(settings)
