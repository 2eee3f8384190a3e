"""The one-page handout: what it holds, and that it is one page."""

import re
import shutil
import subprocess

import pytest

from lthlib.lessons import glossary, one_page


def test_it_says_the_algorithm_the_words_and_asks_for_predictions():
    page = one_page.page()
    for term in one_page.WORDS:
        assert f"<dt>{term}</dt>" in page and glossary.about(term)
    for question in one_page.QUESTIONS:
        assert f"<li>{question}</li>" in page
    assert page.count("<img alt=") == 3 and 'alt=""' not in page
    assert max(map(len, one_page.ALGORITHM.splitlines())) < 85, "longer lines leave the sheet"


def test_it_needs_nothing_else():
    assert not re.search(r'(?:src|href)="(?!data:)', one_page.page())


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser here to print with")
def test_it_prints_on_one_sheet(tmp_path):
    (tmp_path / "page.html").write_text(one_page.page(), encoding="utf-8")
    pdf = tmp_path / "page.pdf"
    options = ["--headless", "--no-sandbox", "--no-pdf-header-footer", f"--user-data-dir={tmp_path / 'profile'}"]
    command = ["chromium", *options, f"--print-to-pdf={pdf}", str(tmp_path / "page.html")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf.read_bytes())) == 1
