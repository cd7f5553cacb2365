"""The annotation page in a headless Chromium, for its tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from test.training.annotation.conftest import TOKEN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000  # milliseconds, on a busy machine


@contextmanager
def visitor(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """A browser of one person, with a storage of its own, that reaches nothing but the server.

    Fails at its end for requests to other hosts and for errors on its pages.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
    context.set_default_timeout(PATIENCE)
    failures: list[str] = []

    def route(request: Any) -> None:
        if request.request.url.startswith(f"{url}/"):
            request.continue_()
        else:
            failures.append(f"asked {request.request.url}")
            request.abort()

    def console(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            failures.append(message.text)

    context.route("**/*", route)
    context.on("weberror", lambda error: failures.append(str(error.error)))
    context.on("console", console)
    yield context
    context.close()
    assert not failures


def open_page(context: Any, url: str, person: str = "ann") -> Any:
    """Open the page and give a name."""
    page = context.new_page()
    page.goto(f"{url}/?token={TOKEN}")
    assert "token" not in page.url
    if not page.input_value("#person"):
        page.fill("#person", person)
        page.press("#person", "Tab")
    shown(page, "/ 3")
    return page


def shown(page: Any, text: str, where: str = "#position") -> None:
    """Wait for a text."""
    from playwright.sync_api import expect

    expect(page.locator(where)).to_contain_text(text)


def saved(page: Any) -> None:
    """Wait until all is on the disk."""
    shown(page, "saved", "#status")


def click(page: Any, x: float, y: float) -> None:
    """Click on a pixel of the 60 x 40 image in the left panel at zoom 1."""
    box = page.locator("#left").bounding_box()
    scale = min(box["width"] / 60, box["height"] / 40)
    left, top = (box["width"] - 60 * scale) / 2, (box["height"] - 40 * scale) / 2
    page.locator("#left").click(position={"x": left + x * scale, "y": top + y * scale})


def press(page: Any, *keys: str) -> None:
    """Press keys one after the other."""
    for key in keys:
        page.keyboard.press(key)


def stored(folder: Path, person: str = "ann", item: int = 0) -> dict[str, Any]:
    """What is on the disk of a person about an item, {} for nothing."""
    return _content(folder / "annotations" / person, f"{item:05d}-*.json")


def judged(folder: Path, person: str, author: str, item: int = 0) -> dict[str, Any]:
    """The verdicts of a person on the work of an author about an item, {} for none."""
    return _content(folder / "verdicts" / person, f"{item:05d}-*~{author}.json")


def _content(folder: Path, pattern: str) -> dict[str, Any]:
    return next((json.loads(path.read_text()) for path in sorted(folder.glob(pattern))), {})
