"""Inspection in a headless Chromium: verdicts and flags of several people, and how far they agree."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from test.training.annotation.pages import (
    click,
    judged,
    open_page,
    press,
    saved,
    shown,
    stored,
    visitor,
)

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (in the extra dev)")


@pytest.fixture
def people(browser, url):
    """Open the page as a person, each with a browser of their own."""
    with ExitStack() as stack:
        yield lambda person: open_page(stack.enter_context(visitor(browser, url)), url, person)


def describe(page, x, y, referring, reasoning="What could hold coffee?"):
    click(page, x, y)
    page.fill("#referring", referring)
    page.fill("#reasoning", reasoning)
    saved(page)


def inspect(page, author="ann"):
    page.locator("#left").focus()
    press(page, "m")
    playwright.expect(page.locator("#mode-inspect")).to_have_attribute("aria-pressed", "true")
    playwright.expect(page.locator("#author")).to_have_value(author)
    page.locator("#left").focus()


def test_verdicts_flags_and_remarks_by_keyboard(people, folder):
    ann = people("ann")
    describe(ann, 12, 10, "the left mug")
    press(ann, "Escape", "s")
    describe(ann, 30, 30, "the bowl", "Where would salad go?")
    bob = people("bob")
    inspect(bob)
    playwright.expect(bob.locator("#referring")).to_have_value("the left mug")
    assert bob.locator("#referring").get_attribute("readonly") is not None
    press(bob, "r")
    bob.keyboard.type("not mine to change")
    press(bob, "Escape", "Space", "s", "Backspace", "Delete")
    press(bob, "x", "6", "9", "5", "5", "v")
    bob.keyboard.type("which one?")
    press(bob, "Escape", ".", "u", "a")
    saved(bob)
    content = judged(folder, "bob", "ann")
    assert content["judgements"] == {
        "s1": {"verdict": "reject", "flags": ["ambiguous", "language"], "note": "which one?"},
        "s2": {"verdict": "accept", "flags": [], "note": ""},
    }
    assert content["of_revision"] == stored(folder)["revision"]
    assert not stored(folder, "bob")
    assert [each["referring"] for each in stored(folder)["subsets"]] == ["the left mug", "the bowl"]
    bob.reload()  # still inspecting, with what was judged
    playwright.expect(bob.locator("#remark")).to_have_value("which one?")
    for name, is_pressed in (("reject", "true"), ("accept", "false")):
        button = bob.locator(f"[data-verdict={name}]")
        playwright.expect(button).to_have_attribute("aria-pressed", is_pressed)
    bob.click("text=Subset 2")
    playwright.expect(bob.locator("[data-verdict=accept]")).to_have_attribute("aria-pressed", "true")
    playwright.expect(bob.locator("#remark")).to_have_value("")


def test_verdicts_and_flags_by_clicks(people, folder):
    describe(people("ann"), 12, 10, "the left mug")
    bob = people("bob")
    bob.click("#mode-inspect")
    bob.click("[data-verdict=unsure]")
    bob.click("[data-flag=unnatural]")
    saved(bob)
    bob.click("[data-flag=unnatural]")
    bob.click("[data-flag='wrong instances']")
    saved(bob)
    assert judged(folder, "bob", "ann")["judgements"] == {
        "s1": {"verdict": "unsure", "flags": ["wrong instances"], "note": ""}
    }


def test_agreement_on_instances_and_on_verdicts(people):
    for person, x in (("ann", 12), ("bob", 12), ("dan", 47)):
        describe(people(person), x, 10, f"the mug of {person}")
    eve, fay = people("eve"), people("fay")
    for page, keys in ((eve, "aax"), (fay, "axx")):
        inspect(page)
        for author, key in zip(("ann", "bob", "dan"), keys, strict=True):
            page.select_option("#author", author)
            playwright.expect(page.locator("#referring")).to_have_value(f"the mug of {author}")
            page.locator("#left").focus()
            press(page, key)
            saved(page)
    press(eve, "m")
    playwright.expect(eve.locator("#inspection")).to_be_hidden()
    inspect(eve, "dan")
    shown(eve, "same instances: 33 %", "#agreement")
    shown(eve, "verdicts agree: 67 % of 3 pairs, kappa 0.33", "#agreement")


def test_a_verdict_does_not_outlive_the_text_that_it_is_about(people, folder):
    ann = people("ann")
    describe(ann, 12, 10, "the left mug")
    bob = people("bob")
    inspect(bob)
    press(bob, "x")
    saved(bob)
    ann.fill("#referring", "the mug on the left")
    saved(ann)
    press(bob, "m")
    playwright.expect(bob.locator("#inspection")).to_be_hidden()
    inspect(bob)
    playwright.expect(bob.locator("#referring")).to_have_value("the mug on the left")
    playwright.expect(bob.locator("[data-verdict=reject]")).to_have_attribute("aria-pressed", "false")
    press(bob, "a")
    saved(bob)
    content = judged(folder, "bob", "ann")
    assert content["judgements"]["s1"]["verdict"] == "accept"
    assert content["of_revision"] == stored(folder)["revision"]


@pytest.mark.parametrize("keep", [True, False])
def test_two_tabs_of_an_inspector(people, folder, keep):
    describe(people("ann"), 12, 10, "the left mug")
    first = people("bob")
    second = open_page(first.context, first.url.split("/?")[0].rstrip("/"), "bob")
    inspect(first)
    inspect(second)
    press(first, "a")
    saved(first)
    press(second, "x")
    playwright.expect(second.locator("#conflict")).to_be_visible()
    assert judged(folder, "bob", "ann")["judgements"]["s1"]["verdict"] == "accept"
    press(second, "k" if keep else "t")
    saved(second)
    word = "reject" if keep else "accept"
    playwright.expect(second.locator(f"[data-verdict={word}]")).to_have_attribute("aria-pressed", "true")
    assert judged(folder, "bob", "ann")["judgements"]["s1"]["verdict"] == word


def test_an_item_that_nobody_else_described_cannot_be_judged(people, folder):
    page = people("ann")
    describe(page, 12, 10, "the left mug")
    press(page, "Escape", "m")
    shown(page, "nobody else has described this item", "#note")
    press(page, "a", "5")
    page.wait_for_timeout(1000)
    assert not (folder / "verdicts").exists()
