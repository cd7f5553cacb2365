"""Facts about the objects in one rendered view, and predicates over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from instructsam_ros.scenes.assets.catalogue import COLORLESS, KNOWN_CATEGORIES, MIXED
from instructsam_ros.scenes.instructions.color_names import ANY_COLOR, plausible_names
from instructsam_ros.scenes.instructions.lexicon import Lexicon
from instructsam_ros.scenes.instructions.three_valued_logic import Selection, Truth, both

DISTRACTOR = "distractor"
"""Kind of an occluder that is a thing without a name."""
# category -> categories that are ambiguous with it
LOOKALIKES: dict[str, tuple[str, ...]] = {
    "cup": ("mug", "glass"),
    "glass": ("cup", "wine glass", "vase"),
    "pot": ("kettle", "teapot"),
    "kettle": ("teapot",),
    "teapot": ("kettle",),
    "tray": ("cutting board",),
    "spoon": ("ladle",),
}
# group -> categories whose membership is ambiguous
AMBIGUOUS_MEMBERS: dict[str, tuple[str, ...]] = {
    "fruit": ("tomato", "cucumber", "bell pepper"),
    "vegetable": ("tomato",),
    "food": ("can", "jar", "cereal box", "milk carton", "tea box", "bottle"),
    "drinkware": ("bottle", "can"),
    "cutlery": ("ladle",),
}


@dataclass(frozen=True)
class ObjectFacts:
    """Facts about one object.

    right, ahead: metres along the horizontal axes of the viewer. at: position in the camera frame.
    column: mean image column as a share of the width, None if invisible. seen: 1 clearly visible,
    0 invisible, None barely. other_colors: those beside ``color``. loose: whether it fell where it lies, so
    that nothing says what carries it. also, affordances, perhaps: see Lexicon. unsure: further nouns that may
    be said of it. box: left, top, right and bottom edge of an object of a photograph, whose place in space is
    not known, as shares of the image; right and ahead are then of its middle, in image widths.
    """

    id: int
    category: str
    color: str
    material: str
    groups: tuple[str, ...]
    extent: tuple[float, float, float]
    right: float
    ahead: float
    at: tuple[float, float, float]
    column: float | None
    visible: float
    truncated: bool
    parent: int | None
    relation: str | None
    named_colors: frozenset[str]
    seen: Truth
    other_colors: tuple[str, ...]
    loose: bool
    also: frozenset[str]
    unsure: frozenset[str]
    affordances: frozenset[str]
    perhaps: frozenset[str]
    box: tuple[float, float, float, float] | None = None


class SceneFacts:
    """Holds the objects of a view by id and selects among them.

    extra: categories beyond the catalogue that the view may show, and that can thus be absent. lexicon: the
    view's own nouns. has_unnamed: whether it shows things without a name. has_room: whether its surroundings
    may show things that nothing labels.
    """

    def __init__(self, meta: dict[str, Any]) -> None:
        self.lexicon = Lexicon.of(meta)
        self.objects = {item.id: item for item in _read_objects(meta, self.lexicon)}
        self.extra: tuple[str, ...] = (*meta.get("extra_categories", ()), *self.lexicon.nouns)
        self.has_unnamed = DISTRACTOR in meta.get("occluders", ())
        self.has_room = bool(meta.get("layout"))

    def everything(self) -> Selection:
        """Select all visible objects."""
        return {i: item.seen for i, item in self.objects.items()}

    def where(self, *predicates: Callable[[ObjectFacts], Truth]) -> Selection:
        """Select the visible objects for which all predicates hold."""
        return {i: both(t.seen, *(holds(t) for holds in predicates)) for i, t in self.objects.items()}

    def well_seen(self) -> list[ObjectFacts]:
        """List the clearly visible objects, which instructions may refer to."""
        return [item for item in self.objects.values() if item.seen == 1]


def is_category(category: str) -> Callable[[ObjectFacts], Truth]:
    """Build a predicate: the object is of that category."""

    def holds(item: ObjectFacts) -> Truth:
        if item.category == category or category in item.also:
            return 1
        loosely = item.category in LOOKALIKES.get(category, ()) or category in item.unsure
        return None if loosely else 0

    return holds


def in_group(group: str) -> Callable[[ObjectFacts], Truth]:
    """Build a predicate: the object belongs to a group of the catalogue."""

    def holds(item: ObjectFacts) -> Truth:
        if item.category in AMBIGUOUS_MEMBERS.get(group, ()) or group in item.perhaps:
            return None
        if group == "cutlery" and item.material == "wood":
            return None  # a wooden spoon is for cooking
        return int(group in item.groups)

    return holds


def has_color(color: str) -> Callable[[ObjectFacts], Truth]:
    """Build a predicate: the object has that colour by design and in the image; ambiguous if only one."""

    def holds(item: ObjectFacts) -> Truth:
        if item.color == "mixed" or color in item.other_colors:
            return None
        looks = color in item.named_colors
        if item.color in COLORLESS:  # metal and glass reflect their surroundings
            return None if looks or color in ("gray", "white", "black", "brown") else 0
        if item.color == color:
            return 1 if looks else None
        return None if looks else 0

    return holds


def made_of(material: str) -> Callable[[ObjectFacts], Truth]:
    """Build a predicate: the object is visibly of "metal", "glass" or "wood"."""

    def holds(item: ObjectFacts) -> Truth:
        if item.material == "mixed":
            return None
        if material == "metal":
            if item.color == "silver" and item.category != "pan":
                return 1
            ambiguous = item.category in ("pan", "knife", "jar", "can", "whisk", "kettle", "pot")
        elif material == "glass":
            if item.category in ("glass", "wine glass"):
                return 1
            ambiguous = item.material == "glass" or item.category in ("bottle", "vase")
        else:
            if item.material == "wood":
                return 1
            ambiguous = item.color == "brown" or item.category in ("pan", "knife")
        return None if ambiguous or item.material == material else 0

    return holds


def affording(affordance: str) -> Callable[[ObjectFacts], Truth]:
    """Build a predicate: the object serves that purpose."""

    def holds(item: ObjectFacts) -> Truth:
        if affordance in item.affordances:
            return 1
        return None if affordance in item.perhaps else 0

    return holds


def _read_objects(meta: dict[str, Any], lexicon: Lexicon) -> list[ObjectFacts]:
    width, height = meta["K"]["width"], meta["K"]["height"]
    up = np.asarray(meta["R_world_cam"])[2]  # the world's z axis in the camera frame
    ahead = np.array([0, 0, 1.0]) - up[2] * up
    if np.linalg.norm(ahead) < 0.35:  # looking straight down: ahead is up in the image
        ahead = np.array([0, -1.0, 0]) + up[1] * up
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, up)
    objects = []
    for entry in meta["objects"]:
        kind = KNOWN_CATEGORIES.get(entry["category"])
        at = np.asarray(entry["pos_cam"])
        objects.append(
            ObjectFacts(
                id=entry["id"],
                category=entry["category"],
                color=entry["color"],
                material=entry["material"],
                groups=kind.groups if kind else tuple(entry["groups"]),  # earlier views lack later groups
                extent=tuple(entry["extent"]),
                right=float(at @ right),
                ahead=float(at @ ahead),
                at=tuple(entry["pos_cam"]),
                column=entry["centroid"][0] / width if entry["centroid"] else None,
                visible=entry["visible"],
                truncated=entry["truncated"],
                parent=entry["parent"],
                relation=entry["rel"],
                named_colors=ANY_COLOR if entry["color"] == MIXED else plausible_names(entry["rgb_median"]),
                seen=_seen(entry, width * height),
                other_colors=tuple(entry.get("other_colors", ())),
                loose=entry.get("loose", False),
                also=lexicon.also(entry["category"]),
                unsure=lexicon.unsure(entry["category"]) | frozenset(entry.get("perhaps", ())),
                affordances=lexicon.affordances(entry["category"]),
                perhaps=lexicon.perhaps(entry["category"]),
                box=tuple(entry["box"]) if "box" in entry else None,
            )
        )
    return objects


def _seen(entry: dict[str, Any], area: int) -> Truth:
    """Rate visibility; thin utensils need fewer pixels than bulky objects."""
    if entry["pixels"] < area * 7e-5:
        return 0
    enough = area * (0.0007 if "utensil" in entry["groups"] else 0.0013)
    return 1 if entry["pixels"] >= enough and entry["visible"] >= 0.4 else None
