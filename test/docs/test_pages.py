"""The pages name files, modules and headings that exist, in lines that fit."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
ROOMS = ("", "instructsam_ros/", "test/")
"""Folders that paths are written from."""
PATH = re.compile(r"`((?:[a-z_0-9]+/)+(?:[a-z_0-9]+\.(?:py|yaml|xml|md|rviz))?)`")
MODULE = re.compile(r"python -m (benchmarks\.\w+)")
EARLIER = {"docs/compact_training.md", "docs/design_study.md"}
"""Files that docs/compact.md names in an earlier commit."""
WRITTEN = {"journal/", "people/", "tensorboard/"}
"""Files that a run writes."""


def anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_fit(page):
    lines = page.read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert fragment in map(anchor, headings), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page):
    text = page.read_text()
    modules = {f"{name.replace('.', '/')}.py" for name in MODULE.findall(text)}
    for path in (set(PATH.findall(text)) | modules) - EARLIER - WRITTEN:
        assert any((ROOT / room / path).exists() for room in ROOMS), path
