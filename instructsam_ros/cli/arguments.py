"""Types of arguments that several commands take."""

from __future__ import annotations


def positive_int(text: str) -> int:
    """Parse an argument that counts something. Raises ValueError, at which argparse prints the usage."""
    if (value := int(text)) < 1:
        raise ValueError
    return value


def seed(text: str) -> int:
    """Parse an argument that numpy takes as a seed. Raises ValueError, at which argparse prints the usage."""
    if (value := int(text)) < 0:
        raise ValueError
    return value
