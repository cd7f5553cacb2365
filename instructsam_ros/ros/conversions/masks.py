"""A mask as its box (RegionOfInterest) and a mono8 image cropped to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions.images import image_from_array
from instructsam_ros.types import Instance


def mask_to_messages(instance: Instance, header: Any) -> tuple[Any, Any]:
    """RegionOfInterest and Image (0 or 255) of an instance; both empty for an empty mask."""
    from sensor_msgs.msg import RegionOfInterest

    x0, y0, x1, y1 = (int(v) for v in instance.box)
    region = RegionOfInterest(x_offset=x0, y_offset=y0, width=x1 - x0, height=y1 - y0)
    crop = instance.mask[y0:y1, x0:x1].astype(np.uint8) * np.uint8(255)
    return region, image_from_array(crop, "mono8", header)


def mask_from_messages(region: Any, image: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Restore a mask, bool [H, W] at ``size`` (H, W). Raises InvalidInputError when crop and box disagree."""
    if (image.height, image.width) != (region.height, region.width):
        raise InvalidInputError(
            f"the mask is {image.width}x{image.height} but its box {region.width}x{region.height}"
        )
    mask = np.zeros(size, bool)
    crop = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)[:, : image.width]
    x0, y0 = region.x_offset, region.y_offset
    mask[y0 : y0 + image.height, x0 : x0 + image.width] = crop > 0
    return mask
