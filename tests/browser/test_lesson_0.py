"""Lesson 0 in a real browser, in JupyterLab and as a Voila app: sliders by keyboard, a hunt started and cancelled.

Needs the extra `browser` and a Chromium (`make test-browser`); skipped elsewhere. Screenshots go to build/browser/.
"""

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SHOTS = ROOT / "build" / "browser"
LESSON = "00_look_first.ipynb"
OURS = re.compile("not from a server's settings: |favicon|/api/|Failed to load resource")  # what Jupyter itself complains about


@contextlib.contextmanager
def served(kind, folder):
    """Lesson 0 served from a folder of its own; gives the address."""
    notebooks = folder / "notebooks"
    shutil.copytree(ROOT / "notebooks", notebooks)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if kind == "lab":
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
        command += [f"--ServerApp.root_dir={notebooks}", "--IdentityProvider.token=", "--ServerApp.password="]
        command += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        address = f"http://127.0.0.1:{port}/lab/tree/{LESSON}?reset"
    else:
        pytest.importorskip("voila")
        flags = re.search(r"^VOILA := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
        command = [sys.executable, "-m", "voila", str(notebooks / LESSON), "--no-browser", f"--port={port}", *shlex.split(flags)]
        address = f"http://127.0.0.1:{port}/"
    whole = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    whole.parent.mkdir(parents=True)
    whole.write_text('{"windowingMode": "none"}')  # keep the cells in the page that are far from the window
    environment = {**os.environ, "LTHLIB_RESULTS": str(folder / "results"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert server.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(params=["lab", "voila"])
def page(request, tmp_path):
    """Lesson 0, run, with its explorer shown; `page.errors` collects what the browser complains of."""
    with served(request.param, tmp_path) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(90_000)
        page.kind, page.errors = request.param, []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" and not OURS.search(m.text) else None)
        page.goto(address)
        if request.param == "lab":
            page.wait_for_selector(".jp-Notebook .jp-CodeCell")
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
            page.keyboard.press("Control+b")  # the side bar away
            page.click("li.lm-MenuBar-item:has-text('Run')")
            page.click("li[data-command='runmenu:run-all']")
        yield page
        browser.close()


def bring(page, locator):
    """Wait until it is there, and scroll to it."""
    locator.wait_for(state="visible")
    locator.scroll_into_view_if_needed()


def animation(page):
    """The figure of the animation, which is the first; the explorer's is the first with a picture."""
    return page.locator(".jupyter-widgets figure:has(svg)").first


def explorer(page):
    return page.locator(".jupyter-widgets figure:has(img)").first


def handle(page, description):
    """The slider's handle, by the label that stands before it."""
    slider = page.locator(".widget-hslider, .jupyter-widget-hslider").filter(has_text=description).first
    return slider.locator(".noUi-handle")


def changes(figure, act):
    """Act, and wait until the words under a figure are others."""
    caption = figure.locator("figcaption")
    before = caption.inner_text()
    act()
    sync_api.expect(caption).not_to_have_text(before)


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{page.kind}-{name}.png")


def test_the_animation_follows_mouse_and_keyboard(page):
    figure = animation(page)
    figure.wait_for(state="visible")
    sync_api.expect(figure.locator("figcaption")).to_contain_text("Before the first round, ticket, 100 %")
    handle(page, "frame").focus()
    changes(figure, lambda: page.keyboard.press("ArrowRight"))
    for name in ("step ▶", "next round ▶▶", "◀ step", "reinit", "ticket"):
        changes(figure, lambda: page.get_by_role("button", name=name, exact=True).first.click())  # noqa: B023
    play = page.locator(".widget-play button, .jupyter-widget-play button, .jupyter-widgets.widget-play button").first
    play.click()
    page.evaluate(COUNT)
    time.sleep(4)
    frames = page.evaluate("() => window.seen.size")
    assert frames >= 4 * 5, f"{frames} frames in 4 seconds"
    play.click()
    time.sleep(1)  # the last frames that were asked for
    for width in (1366, 800):
        page.set_viewport_size({"width": width, "height": 768})
        figure.scroll_into_view_if_needed()
        time.sleep(0.7)
        shoot(page, f"animation-{width}")
    assert page.errors == []


COUNT = """() => {
    window.seen = new Set();
    const words = () => window.seen.add(document.querySelector('.jupyter-widgets figure figcaption').innerText);
    setInterval(words, 20);
}"""


def test_the_explorer_and_its_stops_follow_the_keyboard(page):
    bring(page, handle(page, "weights remaining"))
    figure = explorer(page)
    figure.wait_for(state="visible")
    handle(page, "weights remaining").focus()
    changes(figure, lambda: page.keyboard.press("ArrowRight"))
    for name in ("shuffle", "1", "40 %"):
        button = page.locator(".jupyter-widgets button:visible").filter(has_text=re.compile(f"^{name}$")).last
        button.focus()
        changes(figure, lambda: page.keyboard.press("Enter"))
    choice = page.get_by_role("button", name="It is worse", exact=True)
    bring(page, choice)
    choice.focus()
    page.keyboard.press("Enter")
    answer = page.locator("[role=status]").filter(has_text="This run says otherwise").first
    sync_api.expect(answer).to_contain_text("Ticket better than dense at 22.3 %")
    page.locator(".jupyter-widgets select").first.select_option("conv2-narrow-cifar10")
    sync_api.expect(answer).to_contain_text("at 25.4 %")
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 1100})
        figure.scroll_into_view_if_needed()
        time.sleep(0.7)
        shoot(page, f"explorer-{width}")
    assert page.errors == []


def test_a_hunt_is_started_and_cancelled(page):
    start = page.get_by_role("button", name="Start", exact=True)
    bring(page, start)
    rounds = handle(page, "rounds")
    rounds.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    start.click()
    status = page.locator("[role=status]").filter(has_text=re.compile("Starting|networks|Cancelled|Stopping")).last
    sync_api.expect(status).to_contain_text("Starting", timeout=2_000)
    sync_api.expect(status).to_contain_text(re.compile(r"[1-9]\d* of \d+ networks"), timeout=90_000)
    SHOTS.mkdir(parents=True, exist_ok=True)
    start.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"{page.kind}-lab-running.png")
    page.get_by_role("button", name="Cancel", exact=True).click()
    sync_api.expect(status).to_contain_text("Cancelled", timeout=30_000)
    sync_api.expect(start).to_be_enabled()
    assert page.locator(".jupyter-widgets figure:visible img").count() >= 1
    page.screenshot(path=SHOTS / f"{page.kind}-lab-cancelled.png")
    assert page.errors == []
