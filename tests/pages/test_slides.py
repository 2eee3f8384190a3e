"""The workshop's slides: one file that needs nothing else, from what is shipped."""

import re
from html.parser import HTMLParser

import pytest

from lthlib import analysis
from lthlib.__main__ import main
from lthlib.core.errors import LotteryError
from lthlib.lessons import reporting
from lthlib.pages import deck, slides
from lthlib.storage import atlas

pytestmark = pytest.mark.skipif(atlas.read(deck.TASK).empty, reason="the results that slides show are not shipped")


@pytest.fixture(scope="module")
def page():
    return slides.page()


class Parts(HTMLParser):
    """What a page consists of: its tags with their attributes, and headings."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.headings, self.inside = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside in ("h1", "h2"):
            self.headings.append((self.inside, data))


def test_a_slide_for_each_part_of_the_talk_with_one_heading_each(page):
    parts = Parts(page)
    sections = [attributes for tag, attributes in parts.tags if tag == "section"]
    assert len(sections) == len(deck.slides()) == len(parts.headings)
    assert [level for level, _ in parts.headings] == ["h1"] + ["h2"] * (len(sections) - 1)


def test_nothing_is_loaded_and_every_picture_has_words(page):
    parts = Parts(page)
    pictures = [attributes for tag, attributes in parts.tags if tag == "img"]
    assert len(pictures) >= 10
    for picture in pictures:
        assert picture["src"].startswith("data:image/") and len(picture["alt"]) > 20
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and "default-src 'none'" in page
    assert len(page) < 1_500_000


def test_the_sentences_are_computed_from_the_shipped_results(page):
    table, oneshot = deck._shipped("iterative", "reinit"), deck._shipped("oneshot")
    margin = analysis.margin_of(table).value
    for control in ("reinit", oneshot):
        assert reporting.judged(analysis.over_range(table, deck.SMALL, control), margin) in page
    assert analysis.how_far(analysis.matching(deck._shipped("iterative"))) in page


def test_the_command_writes_the_file_and_never_replaces_one_unasked(tmp_path, capsys):
    path = tmp_path / "slides.html"
    assert main(["slides", "--html", str(path)]) == 0 and str(path) in capsys.readouterr().out
    path.write_text("mine")
    assert main(["slides", "--html", str(path)]) == 2 and "there already" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main(["slides", "--html", str(path), "--force"]) == 0 and path.read_text().startswith("<!doctype html>")


def test_without_the_shipped_results_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(slides.atlas, "read", lambda task: deck.pd.DataFrame())
    with pytest.raises(LotteryError, match="not there"):
        slides.page()
