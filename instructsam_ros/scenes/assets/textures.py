"""Procedural textures, uint8 [S, S, 3] sRGB, from seeded noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

Texture = NDArray[np.uint8]
Rng = np.random.Generator

WORDS = [
    "SOUP",
    "BEANS",
    "TUNA",
    "CORN",
    "PEAS",
    "SODA",
    "COLA",
    "FRESH",
    "MILK",
    "OATS",
    "CRUNCH",
    "FLAKES",
    "RICE",
    "PASTA",
    "SAUCE",
    "HONEY",
    "JUICE",
    "TEA",
    "COFFEE",
    "JAM",
    "OLIVE",
    "SALT",
    "SUGAR",
    "FLOUR",
    "NUTS",
]


def noise(
    rng: Rng, size: int, octaves: int = 5, persistence: float = 0.55, stretch: tuple[float, float] = (1, 1)
) -> NDArray[np.float32]:
    """Sample smooth fractal noise, float32 [size, size] in 0..1."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cells = 2 ** (octave + 2)
        shape = (max(2, int(cells * stretch[1])), max(2, int(cells * stretch[0])))
        grid = Image.fromarray(rng.random(shape).astype(np.float32))
        total += persistence**octave * np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC))
    low, high = total.min(), total.max()
    result: NDArray[np.float32] = (total - low) / (high - low + 1e-6)
    return result


def blend(low: ArrayLike, high: ArrayLike, amount: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix two colours by an amount [S, S] in 0..1."""
    start, end = np.asarray(low, np.float32), np.asarray(high, np.float32)
    result: NDArray[np.float32] = start + (end - start) * amount[..., None]
    return result


def to_bytes(image: NDArray[np.float32]) -> Texture:
    """Clip to 0..255 and convert to uint8."""
    return np.clip(image, 0, 255).astype(np.uint8)


def _choose(
    rng: Rng, options: list[tuple[tuple[int, int, int], tuple[int, int, int]]]
) -> NDArray[np.float32]:
    return np.asarray(options[rng.integers(len(options))], np.float32)


def wood(rng: Rng, size: int = 512, planks: int | None = None) -> Texture:
    """Wood grain, as one board or as several planks."""
    low, high = _choose(
        rng,
        [
            ((150, 105, 65), (95, 60, 32)),
            ((200, 160, 110), (160, 115, 70)),
            ((120, 78, 50), (62, 38, 24)),
            ((222, 190, 145), (190, 150, 100)),
            ((170, 120, 85), (130, 85, 55)),
            ((140, 130, 118), (95, 86, 78)),
        ],
    )
    grain, bend = noise(rng, size, 6, 0.6, (0.4, 6)), noise(rng, size, 4, 0.5, (1, 2))
    rings = 0.5 + 0.5 * np.sin((grain * 6 + bend * 2 + np.linspace(0, 6, size)[:, None]) * 1.8 * np.pi)
    amount = np.clip(0.55 * grain + 0.3 * rings * bend + 0.075 * rng.random((size, size)), 0, 1)
    image = blend(low, high, amount.astype(np.float32))
    count = int(rng.choice([0, 3, 4, 6])) if planks is None else planks
    height = size // count if count else 0
    for plank in range(count):
        rows = slice(plank * height, (plank + 1) * height)
        image[rows] = np.roll(image[rows] * rng.uniform(0.86, 1.1), rng.integers(size), 1)
        image[plank * height : plank * height + 2] *= 0.55
    return to_bytes(image)


def marble(rng: Rng, size: int = 512) -> Texture:
    """Polished stone with veins."""
    body, vein = _choose(
        rng,
        [
            ((240, 240, 238), (150, 150, 155)),
            ((60, 62, 66), (170, 170, 172)),
            ((225, 212, 195), (165, 140, 118)),
            ((70, 85, 78), (190, 200, 190)),
        ],
    )
    coarse, fine = noise(rng, size, 7, 0.6), noise(rng, size, 5, 0.55)
    veins = np.clip(1 - np.abs(np.sin((coarse * 5 + fine * 2.5) * np.pi)) * 2.6, 0, 1) ** 1.5
    return to_bytes(blend(body, vein, (veins * 0.9).astype(np.float32)) + (fine[..., None] - 0.5) * 18)


def granite(rng: Rng, size: int = 512) -> Texture:
    """Speckled stone."""
    bases = [(120, 118, 115), (60, 60, 62), (175, 165, 150), (140, 120, 105)]
    base = np.asarray(bases[rng.integers(len(bases))], np.float32)
    grain = rng.normal(size=(size, size)).astype(np.float32)
    smooth = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1) + np.roll(grain, (1, 1), (0, 1))) / 4
    return to_bytes(base + (smooth / smooth.std() * 20 + (noise(rng, size) - 0.5) * 30)[..., None])


def terrazzo(rng: Rng, size: int = 512) -> Texture:
    """Chips of several colours in a light ground."""
    ground = np.asarray([(226, 222, 214), (196, 200, 200), (90, 92, 96)][rng.integers(3)], np.float32)
    chips = rng.uniform(60, 220, (5, 3)).astype(np.float32)
    image = np.broadcast_to(ground, (size, size, 3)).copy()
    for chip in chips:
        image[noise(rng, size, 3, 0.7, (5, 5)) > rng.uniform(0.72, 0.8)] = 0.4 * ground + 0.6 * chip
    return to_bytes(image + (noise(rng, size)[..., None] - 0.5) * 14)


def tiles(rng: Rng, size: int = 512) -> Texture:
    """Square tiles with grout."""
    count = int(rng.choice([2, 3, 4]))
    side = size // count
    colors = [(225, 222, 214), (190, 200, 205), (170, 140, 115), (90, 110, 130), (205, 190, 160)]
    color = np.asarray(colors[rng.integers(len(colors))], np.float32)
    shades = rng.uniform(0.9, 1.06, (count + 1, count + 1)).repeat(side, 0).repeat(side, 1)[:size, :size]
    image = color * shades[..., None].astype(np.float32) + (noise(rng, size)[..., None] - 0.5) * 26
    grout, width = 120 + 60 * rng.random(), max(3, size // 120)
    for line in range(count):
        image[line * side : line * side + width] = grout
        image[:, line * side : line * side + width] = grout
    return to_bytes(image)


def cloth(rng: Rng, size: int = 512) -> Texture:
    """Woven table cloth: checked, striped or of one colour."""
    color = rng.uniform(60, 235, 3).astype(np.float32)
    second = np.clip(color + rng.choice([-1, 1]) * rng.uniform(35, 90), 0, 255)
    y, x = np.mgrid[:size, :size]
    weave = 8 * np.sin(x * np.pi / 2) * np.sin(y * np.pi / 2)
    image = color + weave[..., None].astype(np.float32)
    period = size // int(rng.choice([4, 6, 8]))
    style = rng.integers(3)
    if style == 0:
        for axis in (x, y):
            stripes = (axis // period) % 2 == 0
            image[stripes] = 0.7 * image[stripes] + 0.3 * second
    elif style == 1:
        image[(y // (period // 2)) % 3 == 0] = second
    return to_bytes(image + (noise(rng, size, 6)[..., None] - 0.5) * 22)


def plain(rng: Rng, size: int = 512) -> Texture:
    """One slightly uneven colour."""
    color = rng.uniform(70, 235) + rng.uniform(-18, 18, 3)
    return to_bytes(color.astype(np.float32) + (noise(rng, size, 6)[..., None] - 0.5) * 16)


SURFACES: dict[str, Callable[[Rng, int], Texture]] = {
    "wood": wood,
    "marble": marble,
    "granite": granite,
    "terrazzo": terrazzo,
    "tile": tiles,
    "cloth": cloth,
    "plain": plain,
}


@cache
def _fonts() -> tuple[Path, ...]:
    return tuple(sorted(Path("/usr/share/fonts/truetype/dejavu").glob("*.ttf")))


def font(rng: Rng, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Choose a DejaVu typeface at random, or Pillow's default where none is installed."""
    draw = int(
        rng.integers(1 << 16)
    )  # always drawn, so that the rest of a scene does not depend on the fonts
    faces = _fonts()
    return ImageFont.truetype(faces[draw % len(faces)], size) if faces else ImageFont.load_default(size)


def label(rng: Rng, rgb: ArrayLike, word: str | None = None, repeat: int = 1, size: int = 256) -> Texture:
    """Draw a package print whose dominant colour is ``rgb``, with ``repeat`` copies side by side."""
    base = tuple(int(v) for v in np.asarray(rgb))
    second = (245, 243, 236) if np.mean(base) < 170 else (60, 60, 65)
    image = Image.new("RGB", (size, size), base)
    draw = ImageDraw.Draw(image)
    style = int(rng.integers(4))
    text = word or WORDS[rng.integers(len(WORDS))]
    width = size // repeat
    face = font(rng, int(width * 0.2))
    for copy in range(repeat):
        left, right = copy * width, (copy + 1) * width
        centre = (left + right) // 2
        if style == 0:
            draw.rectangle([left, int(size * 0.40), right, int(size * 0.58)], fill=second)
        elif style == 1:
            draw.ellipse([centre - width * 0.3, size * 0.33, centre + width * 0.3, size * 0.63], fill=second)
        elif style == 2:
            for line in range(3):
                draw.rectangle(
                    [left, size * (0.72 + 0.05 * line), right, size * (0.735 + 0.05 * line)], fill=second
                )
        else:
            band = [(0.1, 0.62), (0.9, 0.5), (0.9, 0.66), (0.1, 0.78)]
            draw.polygon([(left + width * x, size * y) for x, y in band], fill=second)
        ink, height = (base, 0.49) if style < 2 else (second, 0.3)
        draw.text((centre, size * height), text, fill=ink, anchor="mm", font=face)
    grained = np.asarray(image, np.float32) + (noise(rng, size)[..., None] - 0.5) * 10
    return to_bytes(grained)[::-1].copy()  # texture rows run upwards


def skin(
    rng: Rng, rgb: ArrayLike, second: ArrayLike | None = None, speck: float = 0.08, size: int = 128
) -> Texture:
    """Draw fruit skin: patches towards ``second`` (by default a darker shade) and specks."""
    base = np.asarray(rgb, np.float32)
    other = base * 0.8 if second is None else np.asarray(second, np.float32)
    patches = np.clip((noise(rng, size, 6) - 0.45) * 2, 0, 1) * 0.7
    image = blend(base, other, patches)
    image += (rng.random((size, size)) < 0.02)[..., None] * 255 * speck
    return to_bytes(image)


def decoration(rng: Rng, rgb: ArrayLike, size: int = 256) -> Texture:
    """Draw glazed ceramic with bands or dots whose dominant colour is ``rgb``."""
    base = np.asarray(rgb, np.float32)
    image = np.broadcast_to(base, (size, size, 3)).copy()
    y, x = np.mgrid[:size, :size] / size
    second = np.array((240, 238, 230) if base.mean() < 150 else (70, 72, 80), np.float32)
    style = rng.integers(3)
    if style == 0:
        image[(np.abs(y - 0.78) < 0.035) | (np.abs(y - 0.66) < 0.012)] = second
    elif style == 1:
        u, v = (x * 8) % 1 - 0.5, (y * 8) % 1 - 0.5
        image[(u * u + v * v < 0.03) & (y > 0.35) & (y < 0.8)] = second
    else:
        image[y > 0.88] = second
    return to_bytes(image)
