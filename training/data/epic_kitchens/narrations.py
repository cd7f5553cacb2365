"""Narrated actions of EPIC-KITCHENS-100 and HD-EPIC: what is done with which noun, and when."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.csv_files import Row, read_rows
from instructsam_ros.training.data.epic_kitchens.noun_classes import readable_noun
from instructsam_ros.training.data.hand_instructions import Action


@dataclass(frozen=True)
class Narration:
    """Actions between two times, both inclusive, in the unit of the file."""

    start: float
    stop: float
    actions: tuple[Action, ...]


def read_epic_narrations(path: Path) -> dict[str, tuple[Narration, ...]]:
    """Read EPIC_100_train.csv or EPIC_100_validation.csv by video; times are frame numbers.

    Raises InvalidInputError for another file.
    """
    return _read(path, _epic_narration)


def read_hd_epic_narrations(path: Path) -> dict[str, tuple[Narration, ...]]:
    """Read HD_EPIC_Narrations.pkl saved as CSV by video; times are in seconds.

    A pickle of a pandas table runs code of the file when it is read. Raises InvalidInputError for it and for
    another file.
    """
    return _read(path, _hd_epic_narration)


def actions_at(narrations: tuple[Narration, ...], time: float) -> Iterator[Action]:
    """Return the actions that are going on at a time."""
    return (action for each in narrations if each.start <= time <= each.stop for action in each.actions)


def _read(path: Path, parse: Callable[[Row], Narration]) -> dict[str, tuple[Narration, ...]]:
    if path.suffix == ".pkl":
        raise InvalidInputError(
            f"{path} is no CSV of narrations; save it as one with "
            f"pandas.read_pickle({path.name!r}).to_csv('narrations.csv')"
        )
    found: dict[str, list[Narration]] = {}
    for video, narration in read_rows(path, lambda row: (row["video_id"], parse(row)), "CSV of narrations"):
        found.setdefault(video, []).append(narration)
    return {video: tuple(narrations) for video, narrations in found.items()}


def _epic_narration(row: Row) -> Narration:
    action = Action(row["verb"].replace("-", " "), readable_noun(row["noun"]))
    return Narration(int(row["start_frame"]), int(row["stop_frame"]), (action,))


def _hd_epic_narration(row: Row) -> Narration:
    pairs = ast.literal_eval(row["pairs"])
    actions = tuple(Action(verb, readable_noun(noun)) for verb, noun in pairs)
    return Narration(float(row["start_timestamp"]), float(row["end_timestamp"]), actions)
