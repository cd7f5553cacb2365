"""The annotation page by keyboard alone, in a headless Chromium."""

from __future__ import annotations

import json

import pytest

from test.training.annotation.pages import click, open_page, press, saved, shown, stored

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (in the extra dev)")


def test_everything_goes_by_keyboard(context, url, folder):
    page = open_page(context, url)
    keys = page.keyboard
    page.locator("#left").focus()
    for key in ("]", "Space", "]", "]", "Enter", "Backspace"):
        keys.press(key)
    shown(page, "mug", "#points")
    keys.press("r")
    keys.type("the mug on the left")
    keys.press("Escape")
    keys.press("c")
    keys.type("it holds coffee on the left")
    keys.press("Escape")
    keys.press("s")
    shown(page, "Subset 2", "#subsets")
    keys.press("Delete")
    keys.press("2")
    assert page.locator("[data-zoom='2']").get_attribute("aria-pressed") == "true"
    keys.press("Shift+ArrowRight")
    keys.press("ArrowRight")
    shown(page, "2 / 3")
    keys.press("j")
    keys.type("kitchen-c")
    keys.press("Enter")
    shown(page, "3 / 3")
    keys.press("p")
    shown(page, "2 / 3")
    keys.press("h")
    assert page.locator("#help").is_visible()
    keys.press("Escape")
    keys.press("f")
    for _ in range(100):  # wait_for_function needs eval, which the page forbids
        if page.evaluate("document.fullscreenElement !== null"):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("no full screen")
    (subset,) = stored(folder)["subsets"]
    assert subset["referring"] == "the mug on the left"
    assert subset["reasoning"] == "it holds coffee on the left"
    assert [point["instance"] for point in subset["points"]] == [0]
    page.reload()
    shown(page, "2 / 3")  # where the person was


def test_subsets_points_and_panning(context, url, folder):
    page = open_page(context, url)
    page.locator("#left").focus()
    press(page, "ArrowDown", "Enter", "s", "ArrowUp", "Space")  # the first mug; the bowl, which is the last
    shown(page, "bowl", "#points")
    press(page, ",")
    shown(page, "mug", "#points")
    press(page, ".")
    shown(page, "bowl", "#points")
    saved(page)
    subsets = stored(folder)["subsets"]
    assert [[point["instance"] for point in each["points"]] for each in subsets] == [[0], [2]]
    press(page, "3")
    middle = page.locator("#right").screenshot()
    press(page, "Shift+ArrowRight", "Shift+ArrowDown")
    moved = page.locator("#right").screenshot()
    press(page, "Shift+ArrowLeft", "Shift+ArrowUp")
    assert page.locator("#right").screenshot() == middle != moved
    press(page, "1")
    playwright.expect(page.locator("[data-zoom='1']")).to_have_attribute("aria-pressed", "true")
    press(page, "j")
    page.keyboard.type("no such picture")
    press(page, "Enter")
    shown(page, "no such file name", "#status")


def test_export_import_and_conflicts(context, url, folder, tmp_path):
    page = open_page(context, url)
    page.on("filechooser", lambda _: None)  # choosers are intercepted a while after the first listener only
    click(page, 12, 10)
    saved(page)
    for key in ("e", "Shift+E"):
        with page.expect_download() as download:
            press(page, key)
        download.value.save_as(tmp_path / "export.json")
        assert json.loads((tmp_path / "export.json").read_text())["annotations"][0]["person"] == "ann"
    press(page, "Backspace")
    shown(page, "none", "#points")
    saved(page)
    with page.expect_file_chooser() as chooser:
        press(page, "i")
    chooser.value.set_files(tmp_path / "export.json")
    shown(page, "mug", "#points")
    other = open_page(context, url)
    for key, text in (("k", "mine"), ("t", "theirs")):
        other.reload()
        shown(other, "1 / 3")
        page.fill("#referring", "theirs")
        saved(page)
        other.fill("#referring", "mine")
        playwright.expect(other.locator("#conflict")).to_be_visible()
        press(other, "Escape", key)
        saved(other)
        playwright.expect(other.locator("#referring")).to_have_value(text)
        assert stored(folder)["subsets"][0]["referring"] == text
        page.reload()
        shown(page, "1 / 3")


def test_every_key_of_the_help_is_in_the_documentation_and_tab_reaches_every_button(context, url):
    page = open_page(context, url)
    press(page, "Escape", "h")
    keys = page.locator("#help kbd").all_inner_texts()
    assert len(keys) == len(set(keys)) > 40
    press(page, "Escape")
    page.locator("#person").focus()
    reached = set()
    for _ in range(30):
        press(page, "Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert {"next", "jump", "full", "export-all", "import", "left", "new-subset", "referring"} <= reached
