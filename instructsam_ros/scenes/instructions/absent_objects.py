"""Things that no scene holds, for instructions that ask for what the model never learned to see.

No training text names them otherwise, so the words of their names, and in every purpose and situation
some words, reach the compact model as the unknown word. What it learns of them holds for all such words: a
noun that it does not know names nothing that it could find.
"""

from __future__ import annotations

import re

OOV_OBJECTS: dict[str, tuple[str, str]] = {
    one: (one, many)
    for one, many in (
        ("drill", "drills"),
        ("hammer", "hammers"),
        ("screwdriver", "screwdrivers"),
        ("wrench", "wrenches"),
        ("drone", "drones"),
        ("shoe", "shoes"),
        ("hat", "hats"),
        ("sock", "socks"),
        ("book", "books"),
        ("newspaper", "newspapers"),
        ("pencil", "pencils"),
        ("stapler", "staplers"),
        ("laptop", "laptops"),
        ("phone", "phones"),
        ("keyboard", "keyboards"),
        ("remote control", "remote controls"),
        ("battery", "batteries"),
        ("candle", "candles"),
        ("lamp", "lamps"),
        ("pillow", "pillows"),
        ("toothbrush", "toothbrushes"),
        ("umbrella", "umbrellas"),
        ("wallet", "wallets"),
        ("bicycle", "bicycles"),
        ("teddy bear", "teddy bears"),
        ("football", "footballs"),
        ("guitar", "guitars"),
        ("dog", "dogs"),
        ("chair", "chairs"),
        ("toaster", "toasters"),
        ("blender", "blenders"),
        ("corkscrew", "corkscrews"),
    )
}  # fmt: skip
"""Category -> singular and plural."""

OOV_PHRASE = "unknown thing"
"""Canonical phrase of a purpose that nothing in any scene serves."""

OOV_PURPOSES = (
    "tighten a screw with", "hammer nails with", "drill holes with", "measure the room with", "sleep on",
    "unlock my bicycle with", "inflate a balloon with", "paint the wall with", "listen to music with",
    "write a letter with", "wear in winter", "ride to school on", "play chess with", "sew buttons on with",
)  # fmt: skip
OOV_SITUATIONS = (
    "The screw is loose.", "It rains and we go for a walk.", "My phone has no electricity.",
    "I want to read a novel.", "The nail sticks out of the wall.", "We are going to play football.",
    "My feet are cold.", "There is dust beneath the sofa.", "The door is locked.",
    "I want to phone my sister.",
)  # fmt: skip
_SAID = [name for names in OOV_OBJECTS.values() for name in names]
_SAID += [text.rstrip(".") for text in (*OOV_PURPOSES, *OOV_SITUATIONS)]
_ANY = re.compile("|".join(rf"\b{re.escape(text)}\b" for text in _SAID), re.IGNORECASE)


def is_out_of_vocabulary(text: str) -> bool:
    """Whether an instruction speaks of something that no scene holds."""
    return _ANY.search(text) is not None
