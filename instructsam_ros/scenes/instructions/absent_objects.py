"""Out-of-vocabulary objects, purposes and situations, for instructions without a target.

No other training text contains the words of their names, so the compact model's tokenizer maps them to the
unknown token, as it does at least one word of every purpose and situation. What the model learns about them
therefore holds for every unknown noun: it has no referent.
"""

from __future__ import annotations

import re

OOV_OBJECTS: dict[str, tuple[str, str]] = {
    one: (one, many)
    for one, many in (
        ("violin", "violins"),
        ("trumpet", "trumpets"),
        ("telescope", "telescopes"),
        ("anchor", "anchors"),
        ("drone", "drones"),
        ("shoe", "shoes"),
        ("hat", "hats"),
        ("sock", "socks"),
        ("tractor", "tractors"),
        ("newspaper", "newspapers"),
        ("pencil", "pencils"),
        ("stapler", "staplers"),
        ("helmet", "helmets"),
        ("ladder", "ladders"),
        ("envelope", "envelopes"),
        ("thermometer", "thermometers"),
        ("battery", "batteries"),
        ("candle", "candles"),
        ("lamp", "lamps"),
        ("pillow", "pillows"),
        ("lantern", "lanterns"),
        ("accordion", "accordions"),
        ("wallet", "wallets"),
        ("harmonica", "harmonicas"),
        ("jacket", "jackets"),
        ("football", "footballs"),
        ("guitar", "guitars"),
        ("compass", "compasses"),
        ("drum", "drums"),
        ("tent", "tents"),
        ("parachute", "parachutes"),
        ("corkscrew", "corkscrews"),
    )
}  # fmt: skip
"""Category -> singular and plural."""

SEEN_IN_ROOMS = frozenset({
    "shoe", "hat", "sock", "book", "newspaper", "laptop", "phone", "keyboard", "remote control", "candle",
    "lamp", "pillow", "umbrella", "bicycle", "teddy bear", "guitar", "dog", "chair", "football",
})  # fmt: skip
"""Those that a photograph around the objects, or the furniture there, may well show."""

OOV_PHRASE = "unknown thing"
"""Canonical phrase of a purpose that no object of any scene serves."""

OOV_PURPOSES = (
    "sail across the lake in", "shave my beard with", "dig a hole with", "measure the room with", "sleep on",
    "climb onto the roof with", "inflate a balloon with", "paint the wall with", "listen to music with",
    "write a letter with", "wear in winter", "ride to school on", "play chess with", "sew buttons on with",
)  # fmt: skip
OOV_SITUATIONS = (
    "The lawn has to be mown.", "It rains and we go for a walk.", "My phone has no electricity.",
    "I want to read a novel.", "I have to shave my beard.", "We are going to play football.",
    "My feet are cold.", "There is dust beneath the sofa.", "The door is locked.",
    "I want to phone my sister.",
)  # fmt: skip
_TEXTS = [name for names in OOV_OBJECTS.values() for name in names]
_TEXTS += [text.rstrip(".") for text in (*OOV_PURPOSES, *OOV_SITUATIONS)]
_ANY = re.compile("|".join(rf"\b{re.escape(text)}\b" for text in _TEXTS), re.IGNORECASE)


def is_out_of_vocabulary(text: str) -> bool:
    """Return whether an instruction mentions an out-of-vocabulary object, purpose or situation."""
    return _ANY.search(text) is not None
