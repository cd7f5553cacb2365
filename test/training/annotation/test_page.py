"""The page in a headless Chromium: clicks, reload, two tabs, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from test.training.annotation.conftest import TOKEN
from test.training.annotation.pages import click, open_page, saved, shown, stored

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (in the extra dev)")


def test_clicks_texts_and_subsets_are_on_the_disk_after_a_reload(context, url, folder):
    page = open_page(context, url)
    click(page, 12, 10)
    shown(page, "mug (12, 10)", "#points")
    click(page, 47, 10)
    click(page, 30, 20)  # on nothing
    page.fill("#referring", "both red mugs")
    page.fill("#reasoning", "What could hold coffee?")
    shown(page, "complete", "#rules")
    page.click("#new-subset")
    click(page, 30, 30)
    page.fill("#referring", "the green bowl")
    saved(page)
    page.reload()
    shown(page, "mug (12, 10); mug (47, 10)", "#points")
    assert page.input_value("#referring") == "both red mugs"
    subsets = stored(folder)["subsets"]
    assert [[point["instance"] for point in each["points"]] for each in subsets] == [[0, 1], [2]]
    click(page, 12, 10)  # on a point: removes it
    shown(page, "mug (47, 10)", "#points")
    saved(page)
    assert [point["instance"] for point in stored(folder)["subsets"][0]["points"]] == [1]


def test_the_target_word_in_the_complex_text_is_shown_while_typing(context, url):
    page = open_page(context, url)
    click(page, 12, 10)
    page.type("#referring", "the left mug")
    page.type("#reasoning", "the coffee-mug")
    shown(page, "names the target: coffee mug, mug", "#rules")
    page.fill("#reasoning", "smuggled goods")
    shown(page, "complete", "#rules")
    page.fill("#referring", "the red thing")
    shown(page, "does not name the target", "#rules")


def test_both_panels_zoom_and_pan_together(context, url):
    page = open_page(context, url)
    page.click("[data-zoom='3']")
    before = [page.locator(f"#{side}").screenshot() for side in ("left", "right")]
    box = page.locator("#right").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 190, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    after = [page.locator(f"#{side}").screenshot() for side in ("left", "right")]
    assert before[0] != after[0]
    assert before[1] != after[1]
    shown(page, "none", "#points")


@pytest.mark.parametrize("keep", [True, False])
def test_a_second_tab_does_not_overwrite_the_first(context, url, folder, keep):
    first, second = open_page(context, url), open_page(context, url)
    first.fill("#referring", "from the first tab")
    saved(first)
    first_revision = stored(folder)["revision"]
    second.fill("#referring", "from the second tab")
    playwright.expect(second.locator("#conflict")).to_be_visible()
    assert stored(folder)["subsets"][0]["referring"] == "from the first tab"
    second.click("#keep" if keep else "#take")
    saved(second)
    words = "from the second tab" if keep else "from the first tab"
    playwright.expect(second.locator("#referring")).to_have_value(words)
    second.wait_for_timeout(1500)
    assert stored(folder)["subsets"][0]["referring"] == words
    assert stored(folder)["revision"] == first_revision + keep


def test_mine_stays_mine_when_the_other_tab_goes_on_meanwhile(context, url, folder):
    first, second = open_page(context, url), open_page(context, url)
    first.fill("#referring", "from the first tab")
    saved(first)
    second.fill("#referring", "from the second tab")
    playwright.expect(second.locator("#conflict")).to_be_visible()
    first.fill("#referring", "from the first tab again")
    saved(first)
    second.click("#keep")
    saved(second)
    assert stored(folder)["subsets"][0]["referring"] == "from the second tab"
    assert stored(folder)["revision"] == 3


def test_a_reload_in_the_middle_of_typing_loses_nothing_and_is_no_conflict(context, url, folder):
    page = open_page(context, url)
    for text in ("the left", "the left mug", "the left mug on the table"):
        page.fill("#referring", text)
        page.reload()  # before the half second after which it is saved
        playwright.expect(page.locator("#referring")).to_have_value(text)
        saved(page)
        assert stored(folder)["subsets"][0]["referring"] == text
        assert page.locator("#conflict").is_hidden()


def test_what_is_typed_while_the_next_item_loads_belongs_to_the_item_on_the_screen(context, url, folder):
    page = open_page(context, url)
    waiting = []
    page.route("**/api/masks?item=00001*", lambda route: waiting.append(route))
    page.click("#next")
    page.fill("#referring", "the left mug of the first picture")
    shown(page, "1 / 3")
    saved(page)
    waiting[0].continue_()
    shown(page, "2 / 3")
    playwright.expect(page.locator("#referring")).to_have_value("")
    assert stored(folder)["subsets"][0]["referring"] == "the left mug of the first picture"
    assert not stored(folder, item=1)


def test_an_item_that_cannot_be_loaded_is_named(context, url):
    page = open_page(context, url)
    page.route("**/api/masks?item=00001*", lambda route: route.abort())
    page.click("#next")
    shown(page, "cannot show 00001-kitchen-b-jpg", "#status")
    page.unroute("**/api/masks?item=00001*")
    page.click("#next")
    shown(page, "2 / 3")


def test_without_a_name_only_the_name_can_be_entered(context, url):
    page = context.new_page()
    page.goto(f"{url}/?token={TOKEN}")
    shown(page, "enter your name", "#status")
    for part in ("#next", "#mode-inspect", "#export-all", "#referring"):
        assert page.locator(part).evaluate("each => each.matches('[inert], [inert] *')"), part
    page.fill("#person", "no blanks, please")
    page.press("#person", "Tab")
    shown(page, "letters, digits", "#status")
    page.fill("#person", "ann")
    page.press("#person", "Enter")
    shown(page, "1 / 3")
    assert not page.locator("#next").evaluate("each => each.matches('[inert]')")


def test_without_a_server_the_browser_keeps_the_work(context, url, folder):
    page = open_page(context, url)
    page.route("**/api/annotation", lambda route: route.abort())
    page.fill("#referring", "written on a train")
    shown(page, "kept in this browser", "#status")
    assert not stored(folder)
    page.unroute("**/api/annotation")
    page.reload()
    playwright.expect(page.locator("#referring")).to_have_value("written on a train")
    saved(page)
    assert stored(folder)["subsets"][0]["referring"] == "written on a train"


def test_export_and_import(context, url, folder, tmp_path):
    page = open_page(context, url)
    click(page, 12, 10)
    page.fill("#referring", "the left mug")
    saved(page)
    for button, name in (("#export-item", "one.json"), ("#export-all", "all.json")):
        with page.expect_download() as download:
            page.click(button)
        download.value.save_as(tmp_path / name)
        content = json.loads((tmp_path / name).read_text())
        assert content["annotations"][0]["subsets"][0]["referring"] == "the left mug"
    for name in ("one.json", "all.json"):
        page.fill("#referring", "something else")
        saved(page)
        page.set_input_files("#file", tmp_path / name)
        shown(page, "imported 1 items", "#status")
        playwright.expect(page.locator("#referring")).to_have_value("the left mug")
        assert stored(folder)["subsets"][0]["referring"] == "the left mug"
    page.set_input_files("#file", {"name": "bad.json", "mimeType": "", "buffer": b'{"annotations": 3}'})
    shown(page, "not imported", "#status")


def test_no_file_of_the_page_names_another_host():
    files = list(Path("training/annotation/page").iterdir())
    assert len(files) > 5
    for path in files:
        assert not re.search(r"https?://", path.read_text()), path


def test_a_request_to_another_host_is_refused_by_the_page_itself(browser, url):
    context = browser.new_context()
    asked = []
    context.route("**/*", lambda route: (asked.append(route.request.url), route.continue_()))
    page = open_page(context, url)
    page.evaluate("""() => {
      const image = new Image(); image.src = "http://elsewhere.invalid/x.png"; document.body.append(image);
      const script = document.createElement("script"); script.src = "http://elsewhere.invalid/x.js";
      document.head.append(script);
      fetch("http://elsewhere.invalid/data").catch(() => {});
      const style = document.createElement("link"); style.rel = "stylesheet";
      style.href = "http://elsewhere.invalid/x.css"; document.head.append(style);
    }""")
    page.wait_for_timeout(500)
    assert all(each.startswith(url) for each in asked)
    context.close()
