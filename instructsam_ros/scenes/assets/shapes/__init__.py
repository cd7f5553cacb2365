"""Builders of household objects: (rng, color, material) -> coloured mesh parts."""

from __future__ import annotations

from collections.abc import Callable

from instructsam_ros.scenes.assets.parts import Part
from instructsam_ros.scenes.assets.shapes import cookware, dishes, food, packages, utensils
from instructsam_ros.scenes.assets.textures import Rng

Builder = Callable[[Rng, str, str], list[Part]]

BUILDERS: dict[str, Builder] = {
    "mug": dishes.mug,
    "cup": dishes.cup,
    "glass": dishes.glass,
    "wine glass": dishes.wine_glass,
    "bowl": dishes.bowl,
    "plate": dishes.plate,
    "tray": dishes.tray,
    "vase": dishes.vase,
    "teapot": dishes.teapot,
    "bottle": packages.bottle,
    "can": packages.can,
    "jar": packages.jar,
    "milk carton": packages.milk_carton,
    "cereal box": packages.cereal_box,
    "tea box": packages.tea_box,
    "pot": cookware.pot,
    "pan": cookware.pan,
    "kettle": cookware.kettle,
    "cutting board": cookware.cutting_board,
    "sponge": cookware.sponge,
    "knife": utensils.knife,
    "spoon": utensils.spoon,
    "fork": utensils.fork,
    "spatula": utensils.spatula,
    "ladle": utensils.ladle,
    "whisk": utensils.whisk,
    "pair of scissors": utensils.scissors,
    "rolling pin": utensils.rolling_pin,
    "apple": food.apple,
    "orange": food.orange,
    "lemon": food.lemon,
    "banana": food.banana,
    "pear": food.pear,
    "tomato": food.tomato,
    "carrot": food.carrot,
    "cucumber": food.cucumber,
    "bell pepper": food.bell_pepper,
    "egg": food.egg,
    "donut": food.donut,
}
