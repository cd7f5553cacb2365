"""Runs an engine over its items: estimate, progress, budget, continuation, report."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import BudgetError, ChatError, InvalidInputError
from instructsam_ros.training.data_engine.asker import Asker, ParkedError
from instructsam_ros.training.data_engine.journal import Journal
from instructsam_ros.training.data_engine.ledger import Ledger, interrupted, spent_before
from instructsam_ros.training.data_engine.outcomes import Outcome, report
from instructsam_ros.training.data_engine.settings import Limits, Prices, Usage, VlmSettings


class Item(Protocol):
    """What an engine works on."""

    @property
    def name(self) -> str:
        """Unique in a run."""


class Engine(Protocol):
    """A data engine. calls: (tokens of the request, of the reply) of each call that an item usually takes.
    fingerprint: of the settings that outcomes depend on.
    """

    vlm: VlmSettings
    limits: Limits
    prices: Prices
    out: Path
    fingerprint: str

    @property
    def calls(self) -> Sequence[tuple[int, int]]:
        """See above."""

    def items(self) -> Sequence[Any]:
        """List the items, the same at every call; pictures that are made are written below ``out``."""

    def stages(self, asker: Asker) -> Callable[[Any], Outcome]:
        """Return what makes the outcome of an item; threads may share it."""

    def write(self, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
        """Write the data set below ``out``; return the format and settings of its readers."""


@dataclass(frozen=True)
class Estimate:
    """items: all; left: without an outcome. usage: what these may use; spent: by earlier runs."""

    items: int
    left: int
    usage: Usage
    spent: Usage

    def __str__(self) -> str:
        use, spent = self.usage, self.spent
        return (
            f"{self.items} items, {self.left} left: about {use.calls} calls, {use.tokens} tokens, "
            f"{use.money:.2f} money; used before: {spent.calls} calls, {spent.tokens} tokens, "
            f"{spent.money:.2f} money"
        )


def journal_folder(out: Path) -> Path:
    """Where journals are kept."""
    return out / "journal"


def call_journal(out: Path, name: str = "calls") -> Journal:
    """Open a journal of calls, with what other processes and earlier runs asked."""
    folder = journal_folder(out)
    return Journal(
        folder / f"{name}.jsonl", sorted(set(folder.glob("*.jsonl")) - {folder / "outcomes.jsonl"})
    )


def new_asker(engine: Engine, journal: Journal, limits: Limits | None = None) -> Asker:
    """Return what asks the model of an engine. limits: in place of the engine's."""
    limits = limits or engine.limits
    ledger = Ledger(limits, engine.prices, spent_before(journal.records()))
    chat, vlm = engine.vlm.load(), engine.vlm
    return Asker(chat, journal, ledger, vlm.identity, vlm.max_tokens, limits.replies)


def outcome_key(engine: Engine, item: Item) -> str:
    """Key of an outcome in its journal."""
    return hashlib.sha256(f"{engine.fingerprint}\n{item.name}".encode()).hexdigest()[:32]


def attempt(work: Callable[[Any], Outcome], item: Item) -> Outcome:
    """Make the outcome of an item; what fails for it alone becomes its state. Raises BudgetError."""
    try:
        return work(item)
    except ParkedError as error:
        return Outcome(item.name, "parked", problem=str(error))
    except (ChatError, InvalidInputError) as error:
        return Outcome(item.name, "failed", problem=str(error))


class Run:
    """A run of an engine into its folder. Another one continues it: what has an outcome is not done again,
    what was asked is not asked again.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.journal = Journal(journal_folder(engine.out) / "outcomes.jsonl")
        self.items = engine.items()
        self.keys = {item.name: outcome_key(engine, item) for item in self.items}
        self.known: dict[str, Outcome] = {}
        for item in self.items:
            record = self.journal.get(self.keys[item.name])
            if record is not None:
                self.known[item.name] = Outcome.from_json(record["outcome"])

    def left(self) -> list[int]:
        """Places of the items without an outcome."""
        return [place for place, item in enumerate(self.items) if item.name not in self.known]

    def estimate(self, spent: Usage) -> Estimate:
        """What the items that are left will use."""
        left = len(self.left())
        calls = self.engine.calls
        requests, replies = sum(call[0] for call in calls) * left, sum(call[1] for call in calls) * left
        money = self.engine.prices.cost(requests, replies)
        return Estimate(len(self.items), left, Usage(len(calls) * left, requests + replies, money), spent)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome; a failure is kept for the report of this run alone."""
        self.known[outcome.item] = outcome
        if outcome.state != "failed":
            self.journal.add(self.keys[outcome.item], "result", outcome=outcome.to_json())

    def finish(self, spent: Usage, stopped: str = "") -> tuple[dict[str, Any], list[dict[str, str]]]:
        """Write data set and report.json; return the report and the settings of the readers."""
        outcomes = [self.known[item.name] for item in self.items if item.name in self.known]
        sets = self.engine.write(outcomes)
        summary = {"spent": vars(spent), "stopped": stopped, "waiting": len(self.left()), **report(outcomes)}
        content = json.dumps(summary, ensure_ascii=False, indent=1).encode()
        write_atomic(self.engine.out / "report.json", content)
        return summary, sets

    def close(self) -> None:
        """Let other processes have the folder."""
        self.journal.close()


def estimate(engine: Engine) -> Estimate:
    """What the items that are left will use. Raises InvalidInputError where another process works there."""
    run, calls = Run(engine), call_journal(engine.out)
    try:
        return run.estimate(spent_before(calls.records()))
    finally:
        calls.close()
        run.close()


def generate(
    engine: Engine, tell: Callable[[str], None] = print
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Run an engine in threads of this process; return report and readers' settings.

    tell: gets the estimate before the first call. A budget that is used up ends the run early, and the report
    says so. Raises InvalidInputError where another process works in the folder.
    """
    run, calls = Run(engine), call_journal(engine.out)
    try:
        asker = new_asker(engine, calls)
        if lost := interrupted(calls.records()):
            tell(f"{lost} calls of earlier runs were interrupted; they count as used")
        tell(str(run.estimate(asker.ledger.spent)))
        stopped = ""
        if left := [run.items[place] for place in run.left()]:
            work = engine.stages(asker)
            try:
                for outcome in _in_threads(work, left, engine.limits.parallel, asker.ledger):
                    run.add(outcome)
            except BudgetError as error:
                stopped = str(error)
        return run.finish(asker.ledger.spent, stopped)
    finally:
        calls.close()
        run.close()


def _in_threads(
    work: Callable[[Any], Outcome], items: Sequence[Any], parallel: int, ledger: Ledger
) -> Iterator[Outcome]:
    """Outcomes as they come, with a progress bar. Raises BudgetError after those that were under way."""
    stop = threading.Event()
    refusal: list[BudgetError] = []

    def one(item: Any) -> Outcome | None:
        if stop.is_set():
            return None
        try:
            return attempt(work, item)
        except BudgetError as error:
            refusal.append(error)
            stop.set()
            return None

    before = ledger.spent
    with ThreadPoolExecutor(parallel) as pool, tqdm(total=len(items), unit="item") as bar:
        try:
            for future in as_completed([pool.submit(one, item) for item in items]):
                outcome = future.result()
                if outcome is not None:
                    bar.update()
                    used = ledger.spent - before
                    ahead = used.money / bar.n * (len(items) - bar.n)
                    bar.set_postfix_str(f"{used.calls} calls, {used.money:.2f} money, {ahead:.2f} to come")
                    yield outcome
        finally:
            stop.set()
    if refusal:
        raise refusal[0]
