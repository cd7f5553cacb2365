"""SAM3-I (arXiv 2512.04585): SAM 3 with adapters for instructions."""

from instructsam_ros.models.common.lean_imports import import_transformers

import_transformers()  # before any of its parts
