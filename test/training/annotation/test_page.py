"""The page in a headless Chromium: clicks, keys, reload, two tabs, two people."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from test.training.annotation.conftest import TOKEN

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium (apt install chromium)")
PATIENCE = 60_000  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def context(browser):
    made = browser.new_context(viewport={"width": 1200, "height": 800})
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


def open_page(context, url, person="ann"):
    page = context.new_page()
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on(
        "console", lambda message: page.failures.append(message.text) if message.type == "error" else None
    )
    page.goto(f"{url}/?token={TOKEN}")
    assert "token" not in page.url
    if not page.input_value("#person"):
        page.fill("#person", person)
        page.press("#person", "Tab")
    shown(page, "1 / 3")
    return page


def shown(page, text, where="#position"):
    playwright.expect(page.locator(where)).to_contain_text(text, timeout=PATIENCE)


def click(page, x, y, **options):
    """Click on a pixel of the 60 x 40 image in the left panel at zoom 1."""
    box = page.locator("#left").bounding_box()
    scale = min(box["width"] / 60, box["height"] / 40)
    left, top = (box["width"] - 60 * scale) / 2, (box["height"] - 40 * scale) / 2
    page.locator("#left").click(position={"x": left + x * scale, "y": top + y * scale}, **options)


def stored(folder, person="ann", item=0) -> dict:
    paths = sorted((folder / "annotations" / person).glob(f"{item:05d}-*.json"))
    return json.loads(paths[0].read_text()) if paths else {}


def saved(page):
    shown(page, "saved", "#status")


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
    assert not page.failures


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
    assert not page.failures


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
    playwright.expect(second.locator("#conflict")).to_be_visible(timeout=PATIENCE)
    assert stored(folder)["subsets"][0]["referring"] == "from the first tab"
    second.click("#keep" if keep else "#take")
    saved(second)
    words = "from the second tab" if keep else "from the first tab"
    playwright.expect(second.locator("#referring")).to_have_value(words)
    second.wait_for_timeout(1500)
    assert stored(folder)["subsets"][0]["referring"] == words
    assert stored(folder)["revision"] == first_revision + keep


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


def test_inspectors_judge_the_work_of_others_and_agreement_is_shown(browser, url, folder):
    contexts = {person: browser.new_context() for person in ("ann", "bob", "eve")}
    for context in contexts.values():
        context.set_default_timeout(PATIENCE)
    page = open_page(contexts["ann"], url)
    click(page, 12, 10)
    page.fill("#referring", "the left mug")
    page.fill("#reasoning", "the left one for coffee")
    saved(page)
    for person, key in (("bob", "a"), ("eve", "x")):
        page = open_page(contexts[person], url, person)
        page.click("#mode-inspect")
        playwright.expect(page.locator("#author")).to_have_value("ann")
        playwright.expect(page.locator("#referring")).to_have_value("the left mug")
        assert page.locator("#referring").get_attribute("readonly") is not None
        page.locator("#left").focus()
        page.keyboard.press(key)
        page.keyboard.press("6")
        saved(page)
        page.wait_for_timeout(1500)
        path = next((folder / "verdicts" / person).glob("*~ann.json"))
        judgement = json.loads(path.read_text())["judgements"]["s1"]
        assert judgement["verdict"] == {"a": "accept", "x": "reject"}[key]
        assert judgement["flags"] == ["ambiguous"]
    page.click("#mode-annotate")
    page.click("#mode-inspect")
    shown(page, "verdicts agree: 0 % of 1 pairs", "#agreement")
    for context in contexts.values():
        context.close()


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
    page.fill("#referring", "something else")
    saved(page)
    page.set_input_files("#file", tmp_path / "one.json")
    playwright.expect(page.locator("#referring")).to_have_value("the left mug")
    assert stored(folder)["subsets"][0]["referring"] == "the left mug"
    page.set_input_files("#file", {"name": "bad.json", "mimeType": "", "buffer": b'{"annotations": 3}'})
    shown(page, "not imported", "#status")


def test_nothing_comes_from_another_host(context, url):
    page = context.new_page()
    hosts = set()
    page.on("request", lambda request: hosts.add(re.sub(r"(https?://[^/]+).*", r"\1", request.url)))
    page.goto(f"{url}/?token={TOKEN}")
    page.wait_for_timeout(300)
    assert hosts == {url}
    for path in Path("training/annotation/page").glob("*"):
        assert not re.search(r"https?://", path.read_text()), path
