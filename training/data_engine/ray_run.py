"""An engine on Ray: the same configuration, items spread over workers of one machine or a cluster.

Every worker keeps a journal of its own in the folder of the run, which all machines must share, and reads
those of earlier runs. Limits are divided among the workers.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from instructsam_ros.errors import BudgetError, MissingDependencyError
from instructsam_ros.training.data_engine.engines import load_engine
from instructsam_ros.training.data_engine.generate import (
    Run,
    attempt,
    call_journal,
    journal_folder,
    new_asker,
)
from instructsam_ros.training.data_engine.journal import read_journal
from instructsam_ros.training.data_engine.ledger import spent_before
from instructsam_ros.training.data_engine.outcomes import Outcome
from instructsam_ros.training.data_engine.settings import Usage

Source = tuple[str, Path, Sequence[str]]
"""Name of an engine, its configuration file, and overrides."""


class Worker:
    """What a worker of Ray runs: rows {place} of items to rows {outcome, stopped}."""

    def __init__(self, source: Source, workers: int) -> None:
        self.engine = load_engine(*source)
        journal = call_journal(self.engine.out, f"calls-{uuid.uuid4().hex[:12]}")
        limits = self.engine.limits.share(workers, spent_before(journal.records()))
        self.items = self.engine.items()
        self.work = self.engine.stages(new_asker(self.engine, journal, limits))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Make the outcome of an item."""
        try:
            return {
                "outcome": json.dumps(attempt(self.work, self.items[int(row["place"])]).to_json()),
                "stopped": "",
            }
        except BudgetError as error:
            return {"outcome": "", "stopped": str(error)}


def generate_on_ray(
    source: Source, address: str, workers: int
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Run an engine on Ray; return report and readers' settings. address: local, auto or that of a cluster.

    Raises MissingDependencyError without Ray, InvalidInputError where another process works in the folder.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise MissingDependencyError("--ray needs Ray: pip install 'instructsam-ros[ray]'") from None
    source = (source[0], Path(source[1]).resolve(), source[2])
    engine = load_engine(*source)
    run = Run(engine)
    try:
        print(run.estimate(spent(engine.out)))
        stopped = ""
        if left := run.left():
            settings = {"num_cpus": workers} if address == "local" else {}
            ray.init(address=address, log_to_driver=False, include_dashboard=False, **settings)
            try:
                stopped = _map(ray, run, left, source, workers)
            finally:
                ray.shutdown()
        return run.finish(spent(engine.out), stopped)
    finally:
        run.close()


def spent(out: Path) -> Usage:
    """What all journals of a folder come to."""
    paths = sorted(path for path in journal_folder(out).glob("calls*.jsonl"))
    return spent_before(record for path in paths for record in read_journal(path))


def _map(ray: Any, run: Run, left: Sequence[int], source: Source, workers: int) -> str:
    """Add the outcomes to a run as they come; return why it was stopped early, "" if it was not."""
    stopped = ""
    rows = ray.data.from_items([{"place": place} for place in left], override_num_blocks=len(left))
    rows = rows.map(
        Worker,
        fn_constructor_args=(source, workers),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=0.5,
    )
    for row in tqdm(rows.iter_rows(), total=len(left), unit="item"):
        if not row["outcome"]:
            stopped = row["stopped"]
        else:
            run.add(Outcome.from_json(json.loads(row["outcome"])))
    return stopped
