"""Reader of EPIC-KITCHENS VISOR (arXiv 2209.13064)."""

from instructsam_ros.training.data.readers.visor.reader import Settings, read

__all__ = ["Settings", "read"]
