"""InstructSAM (arXiv 2605.26102)."""

from instructsam_ros.models.common.lean_imports import import_transformers

import_transformers()  # before any of its parts
