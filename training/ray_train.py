"""The trainer on a Ray cluster, by Ray Train."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from instructsam_ros.errors import ConfigError, InstructSamError, MissingDependencyError
from instructsam_ros.training.acceleration import EVALUATION
from instructsam_ros.training.config import RunSettings

START_TIMEOUT = "600"
"""Seconds for processes to start; after Ray's own 60 s slow machines would start them again and again."""


def train_on_ray(
    settings: RunSettings, address: str, *, processes: int = 0, max_steps: int | None = None
) -> None:
    """Run or continue a training in processes of a Ray cluster, which average gradients (DDP).

    Its nodes need this package, and the files of the run under the same paths; relative ones start at the
    working folder. address: as ``ray.init`` takes it, e.g. "auto" or "ray://host:10001"; "local" starts a
    cluster on this machine. processes: 0 for one per GPU. max_steps: see ``Trainer.run``.

    Raises MissingDependencyError without Ray, ConfigError for a cluster that cannot be reached and for one
    without GPUs where ``processes`` is 0, and what the trainer raises.
    """
    try:
        import ray
        from ray.train import RunConfig, ScalingConfig, WorkerGroupError
        from ray.train.torch import TorchConfig, TorchTrainer
    except ImportError as error:
        raise MissingDependencyError(
            f"training on Ray needs {error.name}; install it with: pip install 'instructsam-ros[ray]'"
        ) from error
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", START_TIMEOUT)
    local = {"num_cpus": max(processes, os.cpu_count() or 1), "include_dashboard": False}
    try:
        cluster = ray.init(address, **(local if address == "local" else {}))
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"--ray {address}: cannot reach the cluster: {error}") from None
    with cluster:
        gpus = int(ray.cluster_resources().get("GPU", 0))
        if not (processes or gpus):
            raise ConfigError("the Ray cluster has no GPU; say how many processes train, e.g. --processes 2")
        trainer = TorchTrainer(
            _train,
            train_loop_config={"settings": settings, "max_steps": max_steps, "folder": os.getcwd()},
            torch_config=TorchConfig(timeout_s=int(EVALUATION.total_seconds())),
            scaling_config=ScalingConfig(num_workers=processes or gpus, use_gpu=gpus > 0),
            run_config=RunConfig(name="ray", storage_path=str(Path(settings.out).resolve())),
        )
        try:
            trainer.fit()
        except WorkerGroupError as error:
            for failure in error.worker_failures.values():
                if isinstance(failure, InstructSamError):
                    raise failure from None
            raise


def _train(config: dict[str, Any]) -> None:
    """Train in one process of the cluster, whose group of processes Ray has set up."""
    from instructsam_ros.training.trainer import Trainer

    os.chdir(config["folder"])
    Trainer(config["settings"]).run(config["max_steps"])
