"""An annotation folder, and its server on the loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instructsam_ros.training.annotation.items import ItemWriter, read_items

TOKEN = "secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of 60 x 40 pixels: two red mugs left and right, a green bowl below in the middle."""
    writer = ItemWriter(tmp_path / "work")
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 5:15, 5:20] = masks[1, 5:15, 40:55] = masks[2, 25:38, 20:40] = True
    rgb = np.full((40, 60, 3), 90, np.uint8)
    rgb[masks[0] | masks[1]] = (220, 40, 40)
    rgb[masks[2]] = (40, 200, 60)
    for name in ("kitchen a.jpg", "kitchen b.jpg", "kitchen c.jpg"):
        writer.add(name, rgb, masks, ["mug", "mug", "bowl"])
    assert writer.finish() == 3
    assert len(read_items(tmp_path / "work")) == 3
    return tmp_path / "work"


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """The address of a server, without token."""
    pytest.importorskip("fastapi", reason="the annotation tool needs fastapi")
    uvicorn = pytest.importorskip("uvicorn", reason="the annotation tool needs uvicorn")
    from instructsam_ros.training.annotation.server import build_app

    server = uvicorn.Server(
        uvicorn.Config(build_app(folder, TOKEN), port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from test.training.annotation.pages import CHROMIUM, PATIENCE

    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (in the extra dev)")
    if CHROMIUM is None:
        pytest.skip("needs a Chromium (apt install chromium)")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def context(browser: Any, url: str) -> Iterator[Any]:
    """The browser of a person."""
    from test.training.annotation.pages import visitor

    with visitor(browser, url) as made:
        yield made
