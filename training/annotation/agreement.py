"""How far people agree: on the instances that they chose, and on verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from instructsam_ros.training.annotation.store import Annotation, Verdicts


@dataclass(frozen=True)
class Agreement:
    """pairs: that were compared. share: of them that agree, 0..1. kappa: the share beyond chance (Cohen, with
    the marginals of all together), None where chance explains all or nothing was compared.
    """

    pairs: int
    share: float
    kappa: float | None = None


def choice_agreement(annotations: Iterable[Annotation]) -> dict[str, float]:
    """For every item of several people: the mean over pairs of people of the share of subsets, by their
    instances, that both have.
    """
    by_item: dict[str, list[set[tuple[int, ...]]]] = defaultdict(list)
    for annotation in annotations:
        chosen = {tuple(subset.instances) for subset in annotation.subsets if subset.points}
        if chosen:
            by_item[annotation.item].append(chosen)
    return {
        item: sum(len(a & b) / len(a | b) for a, b in combinations(sets, 2))
        * 2
        / (len(sets) * (len(sets) - 1))
        for item, sets in by_item.items()
        if len(sets) > 1
    }


def verdict_agreement(verdicts: Iterable[Verdicts]) -> Agreement:
    """Compare the verdicts of several people on the same subset in the same revision."""
    given: dict[tuple[str, str, int, str], list[str]] = defaultdict(list)
    for each in verdicts:
        for subset, judgement in each.judgements.items():
            given[each.item, each.author, each.of_revision, subset].append(judgement.verdict)
    return pairwise_agreement([votes for votes in given.values() if len(votes) > 1])


def pairwise_agreement(votes: Sequence[Sequence[str]]) -> Agreement:
    """Compare all pairs of votes on the same thing."""
    pairs = [pair for each in votes for pair in combinations(each, 2)]
    if not pairs:
        return Agreement(0, 0.0)
    share = sum(a == b for a, b in pairs) / len(pairs)
    counts = Counter(vote for pair in pairs for vote in pair)
    chance = sum((count / (2 * len(pairs))) ** 2 for count in counts.values())
    return Agreement(len(pairs), share, (share - chance) / (1 - chance) if chance < 1 else None)
