"""Reader of HD-EPIC (arXiv 2502.04144)."""

from instructsam_ros.training.data.readers.hd_epic.reader import Settings, read

__all__ = ["Settings", "read"]
