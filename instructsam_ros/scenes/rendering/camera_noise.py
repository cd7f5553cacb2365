"""Camera model of colour images: optics, exposure, sensor, processing and JPEG."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.scenes.assets.textures import Rng

Image = NDArray[np.float32]  # [H, W, 3], linear light 0..1 unless stated otherwise
GAMMA = 2.2


def photograph(rgb: NDArray[np.uint8], rng: Rng, strength: float = 1.0) -> NDArray[np.uint8]:
    """Return an image as a camera would have taken it. rgb: uint8 [H, W, 3], any size from 8x8 on.

    strength: of blur, noise and errors of exposure and white balance, 1 for a plain webcam or depth camera,
    0 for no change but exposure and JPEG.
    """
    linear: Image = ((rgb.astype(np.float32) / 255) ** GAMMA).astype(np.float32)
    light = _expose(linear, rng, strength)
    light = _vignette(light, rng, strength)
    light = _blur(light, rng, strength)
    light = _sense(light, rng, strength)
    image = _tone(light, rng)
    image = _sharpen(image, rng, strength)
    return _compress(np.clip(image * 255, 0, 255).astype(np.uint8), rng)


def _expose(light: Image, rng: Rng, strength: float) -> Image:
    """Meter the image as automatic exposure does, with an error, and miss the white balance a little."""
    grey = light.mean()
    bright = float(np.percentile(light.max(-1), 96))  # highlights may clip, large areas not
    wanted = min(rng.uniform(0.13, 0.24) / max(float(grey), 1e-4), 1.1 / max(bright, 1e-4))
    metered = np.clip(wanted, 0.5, 3.5)
    error = 2 ** (rng.normal() * 0.3 * strength)
    warm = rng.normal() * 0.07 * strength
    green = rng.normal() * 0.025 * strength
    gains = metered * error * np.exp(np.array([warm, green, -warm]))
    result: Image = (light * gains).astype(np.float32)
    return result


def _vignette(light: Image, rng: Rng, strength: float) -> Image:
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (width / 2))
    loss = rng.uniform(0, 0.28) * strength
    result: Image = light * (1 - loss * np.minimum(radius, 1.3) ** 2)[..., None].astype(np.float32)
    return result


def _blur(light: Image, rng: Rng, strength: float) -> Image:
    """Defocus everything a little, and sometimes move the camera during the exposure."""
    scale = light.shape[1] / 384 * strength
    sigma = abs(rng.normal()) * 0.35 * scale
    if sigma > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    if rng.random() < 0.12 * strength:
        length = rng.uniform(1, 4) * scale
        light = cv2.filter2D(
            light, -1, _streak(length, rng.uniform(0, np.pi)), borderType=cv2.BORDER_REPLICATE
        )
    return light


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """Return the kernel of a straight motion in pixels, with sum 1."""
    half = max(1, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 8 * half + 1):
        kernel[round(half + step * np.sin(angle)), round(half + step * np.cos(angle))] += 1
    kernel /= kernel.sum()
    return kernel


def _sense(light: Image, rng: Rng, strength: float) -> Image:
    """Sample through a Bayer pattern with shot and read noise, reduce the noise and demosaic."""
    height, width = light.shape[:2]
    even = light[: height // 2 * 2, : width // 2 * 2]
    raw = np.empty(even.shape[:2], np.float32)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        raw[row::2, column::2] = even[row::2, column::2, channel]
    gain = rng.uniform(0.1, 1.0) ** 4 * 0.0018 * strength  # few frames are dim and noisy
    read = rng.uniform(0.0002, 0.0008) * strength
    raw = np.clip(raw, 0, 1)
    raw += rng.normal(size=raw.shape).astype(np.float32) * np.sqrt(gain * raw + read**2)
    quantized = np.clip(raw * 4095 + 64, 0, 65535).astype(np.uint16)  # 12 bits above a black level
    demosaiced = cv2.cvtColor(quantized, cv2.COLOR_BayerBG2RGB_EA).astype(np.float32)
    result = light.copy()
    result[: even.shape[0], : even.shape[1]] = np.clip((demosaiced - 64) / 4095, 0, 1)
    if rng.random() < 0.7 * strength:
        result = _reduce_noise(result, rng)
    return result


def _reduce_noise(light: Image, rng: Rng) -> Image:
    """Smooth colour more than brightness, as cameras do."""
    ycc = cv2.cvtColor(np.clip(light, 0, 1) ** np.float32(1 / GAMMA), cv2.COLOR_RGB2YCrCb)
    sigma = rng.uniform(0.6, 2.0)
    ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), sigma)
    back = np.clip(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), 0, 1)
    result: Image = back ** np.float32(GAMMA)
    return result


def _tone(light: Image, rng: Rng) -> Image:
    """Map linear light to sRGB 0..1 with a random contrast, saturation and black level."""
    gamma = 1 / (GAMMA * rng.uniform(0.88, 1.12))
    image = np.clip(light, 0, 1) ** np.float32(gamma)
    contrast = rng.uniform(0.0, 0.35)  # of a smooth S curve
    image = (1 - contrast) * image + contrast * image * image * (3 - 2 * image)
    grey = image.mean(-1, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.75, 1.2)
    black = rng.uniform(0, 0.035)
    result: Image = (black + (1 - black) * image).astype(np.float32)
    return result


def _sharpen(image: Image, rng: Rng, strength: float) -> Image:
    amount = rng.uniform(0, 0.9) * strength
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.7, 1.3))
    result: Image = image + np.float32(amount) * (image - soft)
    return result


def _compress(image: NDArray[np.uint8], rng: Rng) -> NDArray[np.uint8]:
    quality = int(rng.integers(55, 97))
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
    result: NDArray[np.uint8] = np.ascontiguousarray(decoded[..., ::-1])
    return result
