"""Affordances of household objects, for instructions that describe a purpose."""

from __future__ import annotations

from typing import NamedTuple


class Affordance(NamedTuple):
    """phrase: canonical noun phrase. sure: categories that have it; ambiguous: those that may have it."""

    phrase: str
    sure: tuple[str, ...]
    ambiguous: tuple[str, ...] = ()


_VEGETABLES = ("tomato", "carrot", "cucumber", "bell pepper")
_FRUIT = ("apple", "banana", "pear", "orange", "lemon")
_PACKED = ("can", "jar", "cereal box", "milk carton", "tea box", "bottle")

# The paraphrases of each in templates.yaml are specific, so that few categories are ambiguous.
AFFORDANCES: dict[str, Affordance] = {
    "drink": Affordance(
        "drinking vessel", ("mug", "cup", "glass", "wine glass"), ("bowl", "jar", "vase", "bottle")
    ),
    "cut": Affordance("cutting tool", ("knife",)),
    "stir": Affordance("stirring tool", ("spoon",), ("fork", "knife")),
    "whip": Affordance("whipping tool", ("whisk",), ("fork",)),
    "scoop": Affordance("soup scoop", ("ladle",), ("spoon", "cup", "mug")),
    "spear": Affordance("pronged tool", ("fork",)),
    "clean": Affordance("cleaning tool", ("sponge",)),
    "spout": Affordance("vessel with a spout", ("teapot", "kettle"), ("milk carton",)),
    "fry": Affordance("frying vessel", ("pan",), ("pot",)),
    "boil": Affordance("boiling vessel", ("pot",), ("pan", "kettle")),
    "heat": Affordance("water heater", ("kettle",), ("pot", "teapot", "pan")),
    "flip": Affordance("turning tool", ("spatula",), ("fork",)),
    "snack": Affordance("sweet fruit", ("apple", "banana", "pear", "orange"), ("lemon",)),
    "squeeze": Affordance("sour fruit", ("lemon",), ("orange",)),
    "soup": Affordance("soup dish", ("bowl",), ("plate", "mug", "cup")),
    "serve": Affordance("sandwich dish", ("plate",), ("cutting board", "tray")),
    "carry": Affordance("carrying surface", ("tray",), ("cutting board",)),
    "chop": Affordance("chopping surface", ("cutting board",), ("plate", "tray")),
    "flowers": Affordance("flower vessel", ("vase",), ("jar", "bottle", "glass", "wine glass")),
    "salad": Affordance("salad vegetable", _VEGETABLES, ("lemon", "egg", "apple")),
    "pastry": Affordance("pastry", ("donut",)),
    "omelet": Affordance("omelet ingredient", ("egg",)),
    "cereal": Affordance("cereal package", ("cereal box",)),
    "brew": Affordance("tea package", ("tea box",), ("teapot", "kettle")),
    "opener": Affordance("sealed tin", ("can",), ("jar",)),
    "dairy": Affordance("dairy package", ("milk carton",)),
    "clear": Affordance("transparent vessel", ("glass", "wine glass"), ("bottle", "jar")),
    "produce": Affordance("fresh produce", (*_FRUIT, *_VEGETABLES), ("egg",)),
    "edible": Affordance("food", (*_FRUIT, *_VEGETABLES, "egg", "donut"), _PACKED),
}
