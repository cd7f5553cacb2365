"""SAM 3 (Meta): everything in an image that a noun phrase names."""

from instructsam_ros.models.common.lean_imports import import_transformers

import_transformers()  # before any of its parts
