"""Long JSON lists, one element at a time: a file that is one, or one object of them.

Written by hand, because memory of ijson 3.6 grows with the square of the depth: 100 kB of "[" take all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeVar

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.json_files import json_errors

T = TypeVar("T")
CHUNK = 1 << 20
"""Characters read at a time."""
LARGEST = 1 << 28
"""Characters of an element; more are damage, which would otherwise be read to the end of the file."""


def stream_list(path: Path) -> Iterator[Any]:
    """Iterate over the elements of a file that is one JSON list; memory holds one of them.

    Raises InvalidInputError for a file that cannot be read, is no JSON or no list; elements before the damage
    come first.
    """
    return _stream(path, _elements)


def stream_object(path: Path) -> Iterator[tuple[str, Any]]:
    """Iterate over the members of a file that is one JSON object: those that are lists as one (key, element)
    after another, others as (key, value).

    Raises InvalidInputError as ``stream_list`` does.
    """
    return _stream(path, _members)


def _stream(path: Path, parse: Callable[[_Text], Iterator[T]]) -> Iterator[T]:
    with json_errors(path), path.open(encoding="utf-8-sig") as file:
        text = _Text(file)
        try:
            yield from parse(text)
        except TypeError as error:
            raise InvalidInputError(f"{path}: {error}") from None
        if text.peek():
            raise ValueError("there is more behind its end")


def _elements(text: _Text) -> Iterator[Any]:
    for _ in _items(text, "[", "]", "a list"):
        yield text.value()


def _members(text: _Text) -> Iterator[tuple[str, Any]]:
    for _ in _items(text, "{", "}", "an object"):
        key = text.value()
        if not isinstance(key, str) or text.next_character() != ":":
            raise ValueError(f"expected a key and ':', got {key!r}")
        if text.peek() == "[":
            for element in _elements(text):
                yield key, element
        else:
            yield key, text.value()


def _items(text: _Text, opening: str, closing: str, name: str) -> Iterator[None]:
    """Stop before each item between the brackets, which the caller takes."""
    if (first := text.next_character()) != opening:
        json.loads(first + text.rest())  # which says where it is no JSON
        raise TypeError(f"expected {name}")
    if text.peek() == closing:
        text.next_character()
        return
    while True:
        yield
        separator = text.next_character()
        if separator == closing:
            return
        if separator != ",":
            raise ValueError(f"expected ',' or '{closing}' after an element, got {separator!r}")


class _Text:
    """A text file read in chunks, whose beginning is dropped once it is parsed."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.buffer, self.place = file, "", 0
        self.decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no white space, "" at the end of the file."""
        while True:
            while self.place < len(self.buffer):
                if self.buffer[self.place] not in " \t\n\r":
                    return self.buffer[self.place]
                self.place += 1
            if not self._grow(CHUNK):
                return ""

    def next_character(self) -> str:
        """Take what ``peek`` returns."""
        character = self.peek()
        self.place += len(character)
        return character

    def value(self) -> Any:
        """Parse the next value."""
        self.peek()
        while True:
            try:
                value, end = self.decoder.raw_decode(self.buffer, self.place)
            except json.JSONDecodeError:
                if len(self.buffer) - self.place > LARGEST or not self._grow(len(self.buffer) + CHUNK):
                    raise
                continue
            # "1" may be the beginning of "1.5" in the next chunk.
            if self.buffer[end : end + 1] in tuple(" \t\n\r,:]}") or not self._grow(CHUNK):
                self.place = min(end, len(self.buffer))
                return value

    def rest(self) -> str:
        """The rest of the file."""
        return self.buffer[self.place :] + self.file.read()

    def _grow(self, size: int) -> bool:
        chunk = self.file.read(size)
        self.buffer, self.place = self.buffer[self.place :] + chunk, 0
        return bool(chunk)
