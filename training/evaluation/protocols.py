"""Protocols of benchmarks: which reader reads them, and which figures they report.

Readers prepare the instruction (``training/data/readers``). All figures are in metrics.json; a protocol names
those that its benchmark publishes, in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation import hmpl
from instructsam_ros.training.evaluation.metrics import CaseScore
from instructsam_ros.training.evaluation.report import COLUMNS

Released = Callable[[Sequence[CaseScore]], Mapping[str, float]]


@dataclass(frozen=True)
class Protocol:
    """A way to evaluate a benchmark. format: of its reader. columns: figures of ``Metrics`` in the tables.
    settings: of the reader, where the benchmark fixes them. released: figures in a convention of their own,
    0..1 by name, from the scores of all cases.
    """

    format: str
    columns: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    released: Released = lambda _: {}

    def samples(self, values: Mapping[str, Any], broken: BrokenRecords) -> Iterator[Sample]:
        """Read the benchmark. values: settings of its reader, such as ``annotations`` and ``images``.

        Raises ConfigError for unfit settings, and InvalidInputError as ``DataSet.read``.
        """
        return parse_data_set({"format": self.format, **self.settings, **values}, "eval").read(broken)


OVERLAP = ("instructions", "giou", "ciou", "p50")
INSTANCES = ("precision", "recall", "count_accuracy", "duplicate_rate")
PROTOCOLS: Mapping[str, Protocol] = {
    "inst2seg": Protocol("inst2seg", tuple(COLUMNS)),
    "reasonseg": Protocol("reasonseg", OVERLAP),
    "refcoco": Protocol("refcoco", OVERLAP),
    "refcoco_ap": Protocol("refcoco_ap", ("instructions", "mean_ap", "ap50", "ap75", *INSTANCES)),
    "grefcoco": Protocol("grefcoco", (*OVERLAP, "no_target_accuracy", "target_accuracy", *INSTANCES)),
    "refzom": Protocol("refzom", (*OVERLAP, "no_target_accuracy", "target_accuracy", *INSTANCES)),
    "hmpl": Protocol("hmpl", (*OVERLAP, *INSTANCES), {"first_text": True}, hmpl.released_figures),
    "roborefit": Protocol("roborefit", OVERLAP),
    "scenes": Protocol("scenes", tuple(COLUMNS)),
    "visor": Protocol("visor", tuple(COLUMNS)),
}


def protocol(name: str) -> Protocol:
    """Return a protocol by its name. Raises ConfigError that lists the names."""
    if name not in PROTOCOLS:
        raise ConfigError(f"{name!r} is no protocol; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
