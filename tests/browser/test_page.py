"""The explorer's HTML file in a real browser: from a file, with the network off, by keyboard, touch and mouse.

Needs the extra `browser` and a Chromium (`make test-browser`); skipped elsewhere. Screenshots go to build/browser/.
"""

import re
import statistics

import pytest

from lthlib import pages
from tests.browser.test_lesson_0 import CHROMIUM, FLAGS, SHOTS, sync_api

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]

SCREENS = [(1366, "light"), (1366, "dark"), (800, "light"), (390, "light"), (390, "dark")]
QUICK = 50  # milliseconds that a move of a slider may take
MOVES = """() => {
  const slider = document.getElementById("round"), times = [];
  for (let place = 0; place <= Number(slider.max); place++) {
    const start = performance.now();
    slider.value = place;
    slider.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return pages.write(tmp_path_factory.mktemp("page") / "explorer.html")


@pytest.fixture(params=SCREENS, ids=str)
def page(request, file):
    """The page at a width and in a theme; `page.errors` collects what the browser complains of, `page.asked` what it asks for."""
    width, theme = request.param
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        screen = {"viewport": {"width": width, "height": 844}, "color_scheme": theme, "has_touch": width < 900}
        page = browser.new_context(**screen, offline=True).new_page()
        page.shot, page.errors, page.asked = SHOTS / f"page-{width}-{theme}.png", [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda m: page.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda asked: page.asked.append(asked.url))
        page.goto(file.as_uri())
        page.wait_for_selector("main:not([hidden])")
        yield page
        browser.close()


def test_the_page_works_from_a_file(page, file):
    place, trial = page.locator("#round-out"), page.locator("#trial-out")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]

    page.locator("#round").focus()  # by keyboard
    for pressed, expected in (("Home", "0 of"), ("ArrowRight", "1 of"), ("End", re.compile(r"^(\d+) of \1"))):
        words = page.locator("#findings").inner_text()
        page.keyboard.press(pressed)
        sync_api.expect(place).to_contain_text(expected)
        sync_api.expect(page.locator("#findings")).not_to_have_text(words)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("#trial").focus()
    page.keyboard.press("ArrowRight")
    sync_api.expect(trial).to_have_text("0")
    sync_api.expect(page.locator("#findings")).to_contain_text("fewer than 3 have no bounds")
    page.keyboard.press("Home")
    sync_api.expect(trial).to_contain_text("all")

    touch = page.viewport_size["width"] < 900

    def press(locator, **at):
        locator.tap(**at) if touch else locator.click(**at)

    press(page.locator("#back"))
    before = place.inner_text()
    press(page.locator("#density"), position={"x": 80, "y": 120})
    sync_api.expect(place).not_to_have_text(before)
    reinit = page.locator("#methods").get_by_role("button", name="reinit")
    press(reinit)
    sync_api.expect(reinit).to_have_attribute("aria-pressed", "false")
    assert "reinit" not in page.locator("#numbers").inner_text()
    press(page.locator("#of-stop"))
    sync_api.expect(page.locator("#density-note")).to_contain_text("Early stop")
    ticks = page.locator("#density g:first-child text").all_text_contents()
    assert len(set(ticks)) == len(ticks) > 6
    press(page.locator("#play"))
    before = place.inner_text()
    sync_api.expect(place).not_to_have_text(before)
    press(page.locator("#play"))

    for name in page.locator("#results option").all_inner_texts():
        page.select_option("#results", name)
        assert page.locator("#network path").count() > 10
        assert "sample" in page.locator("#network").get_attribute("aria-label")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=page.shot, full_page=True)
    assert page.errors == [] and page.asked == [file.as_uri()]


def test_a_move_is_quick(page):
    times = page.evaluate(MOVES)
    assert statistics.median(times) < QUICK, times


def test_everything_that_can_be_used_has_a_name(page):
    names = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, svg[role=img]")]
           .filter((one) => one.getClientRects().length)
           .map((one) => one.getAttribute("aria-label") || one.textContent || (one.labels && one.labels[0].textContent) || "")"""
    )
    assert len(names) > 12 and all(name.strip() for name in names)
