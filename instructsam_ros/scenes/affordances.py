"""What household objects are for: the facts behind instructions that never name the object."""

from __future__ import annotations

from typing import NamedTuple


class Affordance(NamedTuple):
    """phrase: canonical noun phrase. sure: categories a person would accept; arguable: where people differ."""

    phrase: str
    sure: tuple[str, ...]
    arguable: tuple[str, ...] = ()


_PRODUCE = ("apple", "banana", "pear", "orange", "lemon", "tomato", "carrot", "cucumber", "bell pepper")
_PACKED = ("can", "jar", "cereal box", "milk carton", "tea box", "bottle")

AFFORDANCES: dict[str, Affordance] = {
    "drink": Affordance(
        "drinking vessel",
        ("mug", "cup", "glass", "wine glass"),
        ("bowl", "bottle", "can", "jar", "milk carton", "teapot", "pot", "vase", "kettle", "ladle"),
    ),
    "cut": Affordance("cutting tool", ("knife",), ("spatula", "fork", "spoon")),
    "stir": Affordance("stirring tool", ("spoon",), ("fork", "spatula", "knife", "ladle", "whisk")),
    "beat": Affordance("whipping tool", ("whisk",), ("fork", "spoon", "spatula", "ladle")),
    "ladle": Affordance("serving ladle", ("ladle",), ("spoon", "cup", "mug", "spatula", "bowl")),
    "clean": Affordance("cleaning tool", ("sponge",)),
    "pour": Affordance(
        "pouring vessel",
        ("teapot", "bottle", "milk carton", "kettle"),
        ("mug", "cup", "glass", "wine glass", "pot", "can", "jar", "bowl", "vase", "ladle", "pan", "spoon"),
    ),
    "fry": Affordance("frying vessel", ("pan",), ("pot",)),
    "boil": Affordance("boiling pot", ("pot",), ("pan", "kettle", "teapot")),
    "heat_water": Affordance("water heater", ("kettle",), ("pot", "teapot", "pan")),
    "flip": Affordance("turning tool", ("spatula",), ("fork", "knife", "spoon", "ladle", "pan", "whisk")),
    "snack": Affordance(
        "fresh snack",
        ("apple", "banana", "pear", "orange"),
        ("lemon", "tomato", "carrot", "cucumber", "bell pepper", "donut", "cereal box", "jar", "can"),
    ),
    "soup": Affordance("soup dish", ("bowl",), ("pot", "plate", "mug", "cup", "pan", "ladle")),
    "serve": Affordance("serving dish", ("plate",), ("bowl", "tray", "cutting board", "pan", "pot")),
    "carry": Affordance("carrying tray", ("tray",), ("cutting board", "plate", "pan", "bowl", "pot")),
    "chop_on": Affordance("chopping surface", ("cutting board",), ("plate", "tray")),
    "flowers": Affordance(
        "flower vessel",
        ("vase",),
        ("jar", "bottle", "glass", "mug", "cup", "teapot", "wine glass", "kettle", "pot", "can"),
    ),
    "salad": Affordance(
        "salad vegetable",
        ("tomato", "cucumber", "bell pepper", "carrot"),
        ("apple", "lemon", "pear", "orange", "egg", "can", "jar", "bottle", "bowl", "banana"),
    ),
    "dessert": Affordance("pastry", ("donut",)),
    "omelet": Affordance(
        "omelet ingredient", ("egg",), ("tomato", "bell pepper", "milk carton", "pan", "whisk", "bowl")
    ),
    "breakfast": Affordance(
        "cereal package", ("cereal box",), ("milk carton", "bowl", "banana", "spoon", "can", "jar", "tea box")
    ),
    "brew": Affordance("tea supply", ("tea box",), ("teapot", "kettle", "pot", "mug", "cup", "jar", "can")),
    "edible": Affordance("food", (*_PRODUCE, "egg", "donut"), _PACKED),
}


def truth(affordance: str, category: str) -> int | None:
    """1 when the category surely affords it, 0 when surely not, None when people differ."""
    entry = AFFORDANCES[affordance]
    if category in entry.sure:
        return 1
    return None if category in entry.arguable else 0
