"""Catalogue of the object categories: names, colours, materials and groups."""

from __future__ import annotations

from dataclasses import dataclass

DISH_COLORS = (
    "white", "red", "blue", "green", "yellow", "black", "pink", "purple", "gray", "orange", "brown",
)  # fmt: skip
MIXED = "mixed"
COLORLESS = ("silver", "clear", MIXED)
"""Values of an object's color that are not colour names: bare metal, clear glass, and several colours or an
unclear one.
"""


@dataclass(frozen=True)
class Category:
    """A category. names: (singular, plural) pairs, the canonical pair first. weight: relative frequency."""

    names: tuple[tuple[str, str], ...]
    colors: tuple[str, ...]
    materials: tuple[str, ...]
    groups: tuple[str, ...]
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Return the canonical singular."""
        return self.names[0][0]

    @property
    def plural(self) -> str:
        """Return the canonical plural."""
        return self.names[0][1]


def _category(
    names: str, colors: tuple[str, ...] | str, materials: str, groups: str, weight: float = 1.0
) -> Category:
    """Parse a row. names: "mug/mugs, coffee mug/coffee mugs"; other strings: lists separated by spaces."""
    pairs = [tuple(pair.strip().split("/")) for pair in names.split(",")]
    palette = tuple(colors.split()) if isinstance(colors, str) else colors
    return Category(
        tuple((one, many) for one, many in pairs),
        palette,
        tuple(materials.split()),
        tuple(groups.split()),
        weight,
    )


_ALL = (
    _category(
        "mug/mugs, coffee mug/coffee mugs",
        DISH_COLORS,
        "ceramic ceramic metal",
        "dish drinkware container",
        2,
    ),
    _category(
        "cup/cups, tumbler/tumblers", DISH_COLORS, "plastic plastic metal", "dish drinkware container", 2
    ),
    _category("glass/glasses, drinking glass/drinking glasses", "clear", "glass", "dish drinkware container"),
    _category("wine glass/wine glasses, wineglass/wineglasses", "clear", "glass", "dish drinkware container"),
    _category("bowl/bowls", DISH_COLORS, "ceramic ceramic plastic metal", "dish container", 2),
    _category("plate/plates, dish plate/dish plates", DISH_COLORS, "ceramic ceramic plastic", "dish", 1.3),
    _category(
        "tray/trays, serving tray/serving trays", "white black red blue green gray", "plastic", "", 0.5
    ),
    _category("vase/vases, flower vase/flower vases", DISH_COLORS, "ceramic", "container", 0.7),
    _category("teapot/teapots, tea pot/tea pots", DISH_COLORS, "ceramic", "dish container"),
    _category(
        "bottle/bottles", "green brown blue red white yellow black", "glass plastic plastic", "container", 2
    ),
    _category(
        "can/cans, tin can/tin cans",
        "red blue green yellow orange purple black",
        "metal",
        "container packaged",
        2,
    ),
    _category("jar/jars", "red orange yellow brown green purple", "glass", "container packaged"),
    _category(
        "milk carton/milk cartons, carton of milk/cartons of milk",
        "white blue red green",
        "paper",
        "container packaged",
    ),
    _category(
        "cereal box/cereal boxes, box of cereal/boxes of cereal",
        "yellow red blue green orange purple brown",
        "paper",
        "container packaged",
    ),
    _category(
        "tea box/tea boxes, box of tea/boxes of tea",
        "green red blue yellow black orange",
        "paper",
        "container packaged",
    ),
    _category(
        "pot/pots, cooking pot/cooking pots", "silver silver red blue black", "metal", "cookware container"
    ),
    _category("pan/pans, frying pan/frying pans", "black black silver gray", "metal", "cookware"),
    _category(
        "kettle/kettles, water kettle/water kettles", "silver red black white blue", "metal", "container", 0.7
    ),
    _category("cutting board/cutting boards, chopping board/chopping boards", "brown", "wood", "", 0.8),
    _category(
        "sponge/sponges, dish sponge/dish sponges", "yellow green blue pink orange", "rubber", "cleaning"
    ),
    _category(
        "knife/knives, kitchen knife/kitchen knives", "black brown red blue", "metal", "utensil cutlery"
    ),
    _category("spoon/spoons", "silver brown red blue green", "metal wood", "utensil cutlery"),
    _category("fork/forks", "silver red blue green", "metal plastic", "utensil cutlery"),
    _category("spatula/spatulas, turner/turners", "black red blue green orange", "plastic", "utensil"),
    _category("ladle/ladles, soup ladle/soup ladles", "silver black red", "metal", "utensil", 0.7),
    _category("whisk/whisks, egg whisk/egg whisks", "black red blue silver", "plastic", "utensil", 0.7),
    _category("apple/apples", "red red green yellow", "food", "fruit food", 2),
    _category("orange/oranges", "orange", "food", "fruit food"),
    _category("lemon/lemons", "yellow", "food", "fruit food"),
    _category("banana/bananas", "yellow", "food", "fruit food"),
    _category("pear/pears", "green yellow", "food", "fruit food"),
    _category("tomato/tomatoes", "red", "food", "vegetable food"),
    _category("carrot/carrots", "orange", "food", "vegetable food"),
    _category("cucumber/cucumbers", "green", "food", "vegetable food", 0.7),
    _category(
        "bell pepper/bell peppers, sweet pepper/sweet peppers",
        "red yellow green orange",
        "food",
        "vegetable food",
    ),
    _category("egg/eggs", "white brown", "food", "food", 0.7),
    _category("donut/donuts, doughnut/doughnuts", "pink brown white", "food", "food", 0.7),
)

_EXTRA = (
    _category(
        "pair of scissors/pairs of scissors",
        "red blue green yellow orange purple black",
        "plastic",
        "utensil",
    ),
    _category("rolling pin/rolling pins", "brown brown white red blue green", "wood", ""),
)

CATALOGUE: dict[str, Category] = {category.name: category for category in _ALL}
EXTRA_CATEGORIES: dict[str, Category] = {category.name: category for category in _EXTRA}
"""Categories that a scene shows only where it is requested, and that the released model has not seen."""
KNOWN_CATEGORIES: dict[str, Category] = CATALOGUE | EXTRA_CATEGORIES
