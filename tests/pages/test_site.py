"""The lessons' site: links are mended, lessons dressed, and a tiny site is built and looked over."""

import base64
import importlib.util
import io
import json

import pytest
from PIL import Image

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.lessons import folding, questions
from lthlib.pages.site import __main__ as site
from lthlib.pages.site import checking, composed, documents, dressing, links, pictures, reference, running

PAGES = frozenset({"notebooks/00_look_first.ipynb", "ko/00_look_first.ipynb", "docs/glossary.md", "index.md"})
REPOSITORY = f"https://github.com/{lthlib.REPOSITORY}/blob/main"
CAN_BUILD = all(importlib.util.find_spec(name) for name in ("myst_nb", "sphinx_book_theme", "latex2mathml"))


def png(width=300, height=200):
    file = io.BytesIO()
    Image.effect_noise((width, height), 80).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def a_lesson(*outputs):
    """A lesson as running leaves it: prose, a folded cell, papermill's cell, and a cell with these outputs."""
    badge = "[![Open in Colab](https://elsewhere/badge.svg)](https://colab/lesson)"
    folded = folding.fold({"cell_type": "code", "id": "b", "metadata": {}, "source": "x = 1", "outputs": []}, "Set one up")
    return {
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"# Lesson 0. Look\n\n{badge}"},
            folded | {"execution_count": 1},
            {"cell_type": "code", "id": "c", "metadata": {"tags": ["injected-parameters"]}, "source": "", "outputs": []},
            {"cell_type": "code", "id": "d", "metadata": {}, "source": "x", "outputs": list(outputs), "execution_count": 2},
            {"cell_type": "markdown", "id": "e", "metadata": {}, "source": "[density](../docs/glossary.md#density)\n\n$$a^2$$"},
        ],
        "metadata": {"site": {"key": "", "profile": "smoke", "date": "2026-01-01"}, "language_info": {"version": "3.11"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def shown(**data):
    data = {name.replace("_", "/"): value for name, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


@pytest.mark.parametrize(
    ("link", "page", "at", "expected"),
    [
        ("../docs/glossary.md#density", "notebooks/x.ipynb", "notebooks/x.ipynb", "../docs/glossary.md#density"),
        ("00_look_first.ipynb", "notebooks/x.ipynb", "ko/x.ipynb", "00_look_first.ipynb"),
        ("00_look_first.ipynb", "notebooks/x.ipynb", "zh/x.ipynb", "../notebooks/00_look_first.ipynb"),
        ("../README.md#two-commands", "docs/running.md", "docs/running.md", "../index.md"),
        ("../lthlib/papers/beside.py", "docs/running.md", "docs/running.md", f"{REPOSITORY}/lthlib/papers/beside.py"),
        ("https://arxiv.org/abs/1", "docs/running.md", "docs/running.md", "https://arxiv.org/abs/1"),
        ("#colab", "docs/running.md", "docs/running.md", "#colab"),
        ("film-frames.js", "index.md", "index.md", "film-frames.js"),
    ],
)
def test_links_lead_to_the_site_or_the_repository(link, page, at, expected):
    assert links.target(link, page, at, PAGES) == expected


def test_links_in_code_stay_and_those_in_html_end_in_html():
    text = 'a `[b](docs/glossary.md)`\n```\n[c](docs/no.md)\n```\n<a href="docs/glossary.md#x">d</a> [e](docs/glossary.md)'
    mended = links.mended(text, "index.md", "index.md", PAGES)
    assert mended == text.replace('"docs/glossary.md#x"', '"docs/glossary.html#x"')


def test_a_pictures_words_stay_apart():
    assert links.mended("![a\nb](docs/price.png)", "index.md", "index.md", PAGES) == "![a b](docs/price.png)"


def test_a_lesson_is_dressed(tmp_path):
    figure = f'<img alt="A curve." src="data:image/png;base64,{png()}">'
    widget = shown(**{dressing.WIDGET: {}, "text_plain": "Lab"})
    notice = {"output_type": "stream", "name": "stderr", "text": "50 %"}
    book = a_lesson(shown(text_html=figure), shown(image_png=png()), widget, notice)
    pages = PAGES | {"ko/x.ipynb", "notebooks/x.ipynb"}
    page = dressing.page(book, "x.ipynb", "notebooks/x.ipynb", pages, pictures.Pictures(tmp_path))
    title, folded, drawn, prose, made = page["cells"]
    assert "https://elsewhere" not in title["source"] and 'href="https://colab/lesson"' in title["source"]
    assert 'href="../ko/x.html"' in title["source"] and 'aria-current="page">English' in title["source"]
    assert folded["source"] == "x = 1" and folded["metadata"]["mystnb"]["code_prompt_show"] == "Set one up"
    first, second = (output["data"]["text/html"] for output in drawn["outputs"])
    assert 'alt="A curve."' in first and 'width="300" height="200"' in first and 'src="../_pictures/' in first
    assert 'alt="A figure' in second
    assert "../docs/glossary.md#density" in prose["source"]
    assert "2026-01-01" in made["source"] and "smoke" in made["source"]
    assert len(book["cells"]) == 5 and book["cells"][1]["source"][0].startswith("# @title"), "the lesson itself stays as it was"


def test_pictures_are_light_and_kept_once(tmp_path):
    large = base64.b64decode(png(700, 400))
    assert len(pictures.light(large)) < len(large)
    home = pictures.Pictures(tmp_path)
    assert home.kept(large, "png") == home.kept(large, "png")
    assert len(list(home.folder.iterdir())) == 1


def test_docstrings_become_plain_prose():
    lines = ["A `mask * theta_k` of *args.", "", "    run(this)", "    x_", "", "Then_ more."]
    assert reference.as_rst(lines)[:3] == ["A ``mask * theta_k`` of \\*args.", "", "::"]
    assert "    x_" in reference.as_rst(lines) and reference.as_rst(lines)[-1] == "Then\\_ more."


def test_a_lesson_is_run_once(tmp_path, monkeypatch):
    calls = []

    def papermill(lesson, to, profile):
        calls.append(profile)
        to.write_text(json.dumps(a_lesson()), encoding="utf-8")

    monkeypatch.setattr(running, "_papermill", papermill)
    for profile in ("smoke", "smoke", "quick"):
        books = running.run_all(profile, tmp_path, ("00",))
    assert calls == ["smoke", "quick"] and list(books) == ["00_look_first.ipynb"]
    with pytest.raises(LotteryError, match="no lessons that begin with 99"):
        running.run_all("smoke", tmp_path, ("99",))


def test_faults_are_found(tmp_path):
    (tmp_path / "other.html").write_text('<h1 id="here">Other</h1>', encoding="utf-8")
    (tmp_path / "index.html").write_text(
        '<script src="https://cdn/x.js"></script><link rel="stylesheet" href="//cdn/x.css"><a href="other.html#here">a</a>'
        '<a href="other.html#gone">b</a><a href="lost.html">c</a><a href="https://elsewhere">d</a><img src="lost.png">'
        "<style>@import 'https://cdn/y.css'; p { background: url(data:x) }</style>",
        encoding="utf-8",
    )
    (tmp_path / "heavy.html").write_text("x" * (checking.LIMIT + 1), encoding="utf-8")
    faults = checking.look_over(tmp_path).faults
    expected = ("x.js", "x.css", "y.css", "no gone", "no such file", "lost.png, which", "without words", "bytes")
    assert len(faults) == len(expected) and all(any(word in fault for fault in faults) for word in expected), faults


def test_the_site_has_the_documents_and_the_citation():
    assert {"docs/glossary.md", "docs/workshop.md", "docs/decisions/README.md", "lthlib/README.md"} <= set(documents.names())
    assert "Frankle, Jonathan and Carbin, Michael" in composed.citation() and lthlib.__version__ in composed.citation()


def built(folder):
    """A site of one short lesson, its translations and all documents, with the reference of one module."""
    figure = f'<img alt="A curve." src="data:image/png;base64,{png()}">'
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reference, "write", _short_reference)
        patched.setattr(composed.explorer, "write", lambda path, overwrite: path.write_text("<p>The explorer</p>"))
        patched.setattr(dressing, "in_language", lambda book, name, language: book)
        asked = questions.Prediction("Which is it?", ["the ticket", "neither"]).static().page
        lesson = a_lesson(shown(text_html=figure), shown(text_html=asked))
        site.prepare({"00_look_first.ipynb": lesson}, folder)
    site.sphinx(folder)
    return folder / "site"


@pytest.mark.skipif(not CAN_BUILD, reason="needs the extra `site`")
def test_a_tiny_site_is_built_without_faults(tmp_path):
    pages = built(tmp_path)
    faults, sizes = checking.look_over(pages)
    assert not faults
    assert {"index.html", "explorer.html", "report.html", "ko/00_look_first.html", "api/index.html"} <= sizes.keys()
    lesson = (pages / "notebooks" / "00_look_first.html").read_text(encoding="utf-8")
    assert "Set one up" in lesson and "<math" in lesson and "theme-switch-button" in lesson
    assert '<html lang="ko"' in (pages / "ko" / "00_look_first.html").read_text(encoding="utf-8")


def _short_reference(folder):
    """The reference of one small module alone."""
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(reference._page("The library", ["lthlib.core.percent"]), encoding="utf-8")
