"""The lessons' site in a real browser: from files, with the network off, on wide and narrow screens.

Needs the extras `browser` and `site`, and a Chromium; skipped elsewhere. Screenshots go to build/browser/.
"""

import pytest

from tests.browser.test_lesson_0 import CHROMIUM, FLAGS, SHOTS, sync_api
from tests.pages.test_site import CAN_BUILD, built

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.skipif(not CAN_BUILD, reason="needs the extra `site`"),
]

PAGES = ("index", "notebooks/00_look_first", "report", "docs/glossary", "docs/running", "arena", "one-page")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return built(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize(("width", "theme"), [(1366, "light"), (1366, "dark"), (800, "light"), (390, "dark")])
def test_pages_fit_the_screen_and_ask_for_nothing(site, width, theme):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        screen = {"viewport": {"width": width, "height": 844}, "color_scheme": theme}
        page = browser.new_context(**screen, offline=True).new_page()
        errors, asked = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for name in PAGES:
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            page.screenshot(path=SHOTS / f"site-{name.replace('/', '-')}-{width}-{theme}.png")
        browser.close()
    assert not errors and all(url.startswith(("file:", "data:")) for url in asked)


def test_the_film_is_played_by_keyboard(site):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_context(offline=True, reduced_motion="reduce").new_page()
        page.goto((site / "index.html").as_uri())
        words = page.locator("#film figcaption")
        sync_api.expect(page.locator("#film-play")).to_contain_text("Play")  # nothing moves by itself
        before = words.inner_text()
        page.locator("#film-at").focus()
        page.keyboard.press("ArrowRight")
        sync_api.expect(words).not_to_have_text(before)
        page.keyboard.press("End")
        sync_api.expect(words).to_contain_text("Round 14")
        browser.close()


def test_a_prediction_is_marked_by_keyboard(site):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_context(offline=True).new_page()
        page.goto((site / "notebooks" / "00_look_first.html").as_uri())
        first, second = page.locator(".choices button").all()
        for button, other in ((first, second), (second, first)):
            button.focus()
            page.keyboard.press("Enter")
            sync_api.expect(button).to_have_attribute("aria-pressed", "true")
            sync_api.expect(other).to_have_attribute("aria-pressed", "false")
        browser.close()
