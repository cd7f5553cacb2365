"""InstructSAM for ROS 2: instruction in, instance masks and metric point clouds out.

>>> import instructsam_ros
>>> model = instructsam_ros.load("compact")            # doctest: +SKIP
>>> result = model.segment_image(rgb, "the red mug")   # doctest: +SKIP
"""

from __future__ import annotations

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# The message classes (instructsam_ros.msg, .srv, .action) are generated at build time and
# installed; this lets a source checkout that comes first on sys.path still find them.
__path__ = extend_path(__path__, __name__)
__version__ = "0.1.0"

if TYPE_CHECKING:
    from instructsam_ros.segmenter import Segmenter


def load(model: str = "compact", *, device: str = "auto", **options: Any) -> Segmenter:
    """Load a segmenter by name, hub id or folder; see :func:`instructsam_ros.segmenter.load`."""
    from instructsam_ros.segmenter import load as load_segmenter

    return load_segmenter(model, device=device, **options)
