"""What the auxiliary heads tell apart."""

from instructsam_ros.scenes.assets.catalogue import CATALOGUE

CATEGORIES = tuple(sorted(CATALOGUE))
COLORS = tuple(sorted({color for entry in CATALOGUE.values() for color in entry.colors} | {"silver"}))
"""Of the catalogue, and of cutlery."""
