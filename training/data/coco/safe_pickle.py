"""Pickles of plain values: no class or function of a file is ever called."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InvalidInputError

PLAIN = {"set": set, "frozenset": frozenset, "bytearray": bytearray, "complex": complex}
"""What pickles name although it is a plain value; numbers, texts, lists and dicts need no name."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in ("builtins", "__builtin__") and name in PLAIN:
            return PLAIN[name]
        raise InvalidInputError(f"it names {module}.{name}, and a file of annotations needs no code")


def load_plain_pickle(path: Path) -> Any:
    """Read a pickle that holds builtin values only; byte texts of Python 2 are read as Latin-1.

    Raises InvalidInputError for a file that cannot be read or is damaged, and for one that names any class
    or function, whose name is in the message.
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file, encoding="latin-1").load()
    except InvalidInputError as error:
        raise InvalidInputError(f"refused to read the pickle {path}: {error}") from None
    except OSError as error:
        raise InvalidInputError(f"cannot read the annotations {path}: {error.strerror}") from None
    except Exception as error:  # pickle raises another kind for each kind of damage
        raise InvalidInputError(f"{path} is not a valid pickle: {error}") from None
