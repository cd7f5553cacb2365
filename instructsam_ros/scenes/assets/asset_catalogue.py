"""Catalogue of a folder of meshes: names, purposes and sizes of a lab's own objects.

See docs/your_objects.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.affordances import AFFORDANCES
from instructsam_ros.scenes.assets.catalogue import DISH_COLORS, KNOWN_CATEGORIES
from instructsam_ros.yaml_config import build, check_range, load_mapping

FILE_NAME = "catalogue.yaml"
GROUPS = ("fruit", "vegetable", "food", "utensil", "cutlery", "drinkware", "dish", "container", "packaged")
Up = Literal["x", "y", "z", "-x", "-y", "-z"]
Material = Literal["plastic", "metal", "ceramic", "glass", "wood", "paper", "food", "rubber", "mixed"]
COLORS = (*DISH_COLORS, "silver")


@dataclass(frozen=True)
class Purpose:
    """A purpose that the package does not know. phrase: canonical noun phrase ("screw tool").

    purposes: what follows "something to". situations: sentences that imply it.
    """

    phrase: str
    purposes: tuple[str, ...]
    situations: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.purposes or not self.situations:
            raise ValueError("purposes and situations need at least one text each")


@dataclass(frozen=True)
class AssetNoun:
    """What a noun means. plural: by default with an s. synonyms: singular -> plural.

    also: more general nouns that name it as well ("bottle" for "mustard bottle"). lookalikes: nouns of
    objects that it may be taken for. perhaps: groups and affordances that are arguable.
    """

    plural: str = ""
    synonyms: dict[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    lookalikes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    affordances: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.groups) - set(GROUPS):
            raise ValueError(f"there is no group {min(unknown)!r}; known: {', '.join(GROUPS)}")


@dataclass(frozen=True)
class AssetMesh:
    """One mesh file. noun: what people call it. size: largest extent in metres, to check the file.

    colors: names that people would give its colour, the main one first; empty for many colours. scale: factor
    to metres. up: the file's axis that points up where the object stands.
    """

    noun: str
    size: float
    colors: tuple[str, ...] = ()
    material: Material = "plastic"
    scale: float = 1.0
    up: Up = "z"

    def __post_init__(self) -> None:
        check_range(self, 0.005, 2.0, "size")
        check_range(self, 1e-6, 1e6, "scale")
        if unknown := set(self.colors) - set(COLORS):
            raise ValueError(f"there is no colour {min(unknown)!r}; known: {', '.join(COLORS)}")


@dataclass(frozen=True)
class AssetCatalogue:
    """Meshes by file name, nouns that the package does not know, and purposes. folder: of the meshes."""

    meshes: dict[str, AssetMesh]
    nouns: dict[str, AssetNoun] = field(default_factory=dict)
    purposes: dict[str, Purpose] = field(default_factory=dict)
    folder: Path = Path()

    def __post_init__(self) -> None:
        if not self.meshes:
            raise ValueError("meshes is empty; name at least one file")
        if known := sorted(set(self.nouns) & set(KNOWN_CATEGORIES)):
            raise ValueError(
                f"the package already knows the noun {known[0]!r} with its plural and purposes; leave it out"
            )
        nouns = {*self.nouns, *KNOWN_CATEGORIES}
        for name, mesh in self.meshes.items():
            if mesh.noun not in nouns:
                raise ValueError(f"meshes.{name}: add the noun {mesh.noun!r} to nouns")
        if known := sorted(set(self.purposes) & set(AFFORDANCES)):
            raise ValueError(f"the package already knows the purpose {known[0]!r}; choose another name")
        for noun, entry in self.nouns.items():
            self._check_noun(noun, entry)

    def _check_noun(self, noun: str, entry: AssetNoun) -> None:
        purposes = {*AFFORDANCES, *self.purposes}
        for kind, values, known in (
            ("affordance", entry.affordances, purposes),
            ("group or affordance", entry.perhaps, purposes | set(GROUPS)),
            ("noun", (*entry.also, *entry.lookalikes), {*self.nouns, *KNOWN_CATEGORIES}),
        ):
            if unknown := sorted(set(values) - known):
                raise ValueError(f"nouns.{noun}: there is no {kind} {unknown[0]!r}")

    def lexicon(self) -> dict[str, Any]:
        """Return what a view stores of its nouns and purposes, as JSON values.

        nouns: of the meshes alone; the package knows the plurals and purposes of its own.
        """
        colors: dict[str, dict[str, None]] = {}
        for mesh in self.meshes.values():
            colors.setdefault(mesh.noun, {}).update(dict.fromkeys(mesh.colors))
        return {
            "nouns": {
                noun: _entry(noun, entry) | {"colors": [c for c in colors[noun] if c != "silver"]}
                for noun, entry in self.nouns.items()
                if noun in colors
            },
            "purposes": {
                name: {
                    "phrase": entry.phrase,
                    "purposes": list(entry.purposes),
                    "situations": list(entry.situations),
                }
                for name, entry in self.purposes.items()
            },
        }


@cache
def load_assets(folder: Path) -> AssetCatalogue:
    """Read FILE_NAME in a folder of meshes, once in a process.

    Raises ConfigError for no such folder or file, unknown keys and values, and a mesh file that is missing.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder} of meshes")
    path = folder / FILE_NAME
    if not path.exists():
        raise ConfigError(f"{folder} has no {FILE_NAME}; docs/your_objects.md shows how to write one")
    data = load_mapping(path)
    if isinstance(data, dict) and "folder" in data:
        raise ConfigError(f"{path}: unknown setting folder; meshes lie beside the catalogue")
    catalogue = build(
        AssetCatalogue, {**data, "folder": folder} if isinstance(data, dict) else data, str(path)
    )
    for name in catalogue.meshes:
        if not (folder / name).is_file():
            raise ConfigError(f"{path}: there is no file {name} in {folder}")
    return catalogue


def check_size(found: float, mesh: AssetMesh, path: Path) -> None:
    """Compare a mesh's largest extent in metres with the catalogue's. Raises ConfigError beyond a quarter."""
    ratio = found / mesh.size
    if 0.8 <= ratio <= 1.25:
        return
    nearest = 10 ** round(math.log10(ratio)) if ratio > 0 else 1.0
    units = {1000.0: "millimetres", 100.0: "centimetres", 10.0: "decimetres"}.get(nearest)
    hint = f"; the file seems to be in {units}: add scale: {mesh.scale / nearest:g}" if units else ""
    raise ConfigError(f"{path} is {found:.4g} m long, the catalogue says {mesh.size:g} m{hint}")


def _entry(noun: str, entry: AssetNoun) -> dict[str, Any]:
    return {
        "names": [[noun, entry.plural or f"{noun}s"], *([one, many] for one, many in entry.synonyms.items())],
        "also": list(entry.also),
        "lookalikes": list(entry.lookalikes),
        "groups": list(entry.groups),
        "affordances": list(entry.affordances),
        "perhaps": list(entry.perhaps),
    }
