"""The report has every claim, counts what is nearest to the paper, and its page needs nothing else."""

import json
import re

import pytest

import lthlib
from lthlib.__main__ import main
from lthlib.papers import claims, page, report

SHORT = {"levels": 1, "trials": 1, "iterations": 10, "progress": False}


@pytest.fixture(scope="module")
def rows():
    return report.measured()


def test_every_claim_has_a_row_in_the_order_of_the_file(rows):
    assert report.counted(rows).id.tolist() == [claim.id for claim in claims.load()]
    assert {claims.word(verdict) for verdict in rows.verdict} <= {*claims.VERDICTS, report.NOT_MEASURED}
    assert (rows.trials[rows.verdict == report.NOT_MEASURED] == 0).all()
    assert set(rows.paper) <= set(report.PAPERS.values()), "every source is a paper that has a name"


def test_what_is_nearest_to_the_paper_counts(rows):
    one = report.counted(rows).set_index("id")
    assert one.on["tickets-as-good-at-a-tenth"].startswith("lenet-mnist,") and one.scale["tickets-as-good-at-a-tenth"] == "paper"
    assert one.on["lenet-better-at-51"].startswith("lenet-mnist,"), "the paper's own task"
    assert claims.word(one.verdict["reinit-no-longer-matches"]) == "inconclusive", "though two smaller tasks agree"
    assert one.on["lenet-iterative-beats-oneshot"].startswith("lenet-mnist1d,"), "two trials have no verdict"


def test_the_summary_counts_what_is_there(rows):
    text, one = report.summary(rows), report.counted(rows)
    there = (one.verdict != report.NOT_MEASURED).sum()
    assert text.startswith(f"Of {len(claims.load())} claims of {one.paper.nunique()} papers, {there} were measured here: ")
    counts = {word: (one.verdict.map(claims.word) == word).sum() for word in claims.VERDICTS}
    assert f"{counts['reproduced']} reproduced, {counts['as good']} as good" in text and sum(counts.values()) == there
    assert counts["reproduced"] + counts["as good"] >= 15
    nothing = rows[rows.verdict == report.NOT_MEASURED]
    assert report.summary(nothing).endswith("0 were measured here.")


def test_the_page_needs_nothing_else(tmp_path, capsys):
    lthlib.hunt("lenet-digits", "smoke", results=tmp_path, **SHORT)
    assert main(["report", str(tmp_path), "--to", str(tmp_path / "out")]) == 0
    html = (tmp_path / "out" / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', html) and "<script" not in html and "url(" not in html
    everything = report.measured(tmp_path)
    rows = report.shown(everything)
    there = rows[rows.verdict != report.NOT_MEASURED]
    assert html.count("data-claim=") == len(there) and (everything.scale == "other").any()
    assert set(rows.id) == set(everything.id), "what has no verdict is left out where there is one"
    text = (tmp_path / "out" / "report.md").read_text()
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(tables) == len(there) + there.paper.nunique()
    assert main(["report", str(tmp_path / "nowhere")]) == 2 and "cannot be used" in capsys.readouterr().err


def test_the_atlas_suffices(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 0
    assert capsys.readouterr().out.split() == [f"report/report.{kind}" for kind in ("html", "md", "json")]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    kept = json.loads((tmp_path / "report" / "report.json").read_text())
    assert kept["summary"] in (tmp_path / "report" / "report.md").read_text()
    [row] = [row for row in kept["claims"] if row["id"] == "lenet-better-at-13"][:1]
    assert row["word"] == "reproduced" and row["low"] > 0 and row["trials"] == 5 and row["unit"] == "points"


def test_json_goes_to_the_terminal_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--json"]) == 0 and not list(tmp_path.iterdir())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["id"] for line in lines} == {claim.id for claim in claims.load()}
    unmeasured = next(line for line in lines if line["word"] == "not measured")
    assert unmeasured["value"] is None and unmeasured["here"] == ""


def test_accuracy_and_early_stop_share_no_axis(monkeypatch):
    drawn = []
    monkeypatch.setattr(report.plots, "as_html", lambda figure: drawn.append(figure) or "")
    titles = [title for title, *_ in report._figures(None)]
    assert titles[0].startswith("lenet-mnist, the paper's own scale, 50,000 iterations, 3 trials") or "oneshot" in titles[0]
    for figure in drawn:
        accuracy, stop = figure.axes[:2]
        assert "(%)" in accuracy.get_ylabel() and "(iteration)" in stop.get_ylabel()
        assert accuracy.get_ylim()[1] <= 110 < stop.get_ylim()[1]


def test_a_strip_has_its_marks_in_order(rows):
    row = rows[rows.id == "lenet-better-at-13"].iloc[0]
    drawn = page.strip(row)
    bar, dot = (float(re.search(pattern, drawn)[1]) for pattern in (r"<rect x='([\d.]+)'", r"<circle cx='([\d.]+)'"))
    line, diamond = (float(re.search(pattern, drawn)[1]) for pattern in (r"<line x1='([\d.]+)'", r"points='([\d.]+)"))
    assert line < diamond < dot and line < bar < dot, "zero, the paper's 0.3 and the lower bound are left of our mean"
    assert page.strip(rows[rows.verdict == report.NOT_MEASURED].iloc[0]) == ""


def test_text_of_lessons_is_escaped(rows):
    hostile = rows.head(1).assign(here="<script>alert(1)</script>", setting='"><img src=x>')
    html = page.write("t", "<b>", claims.VERDICTS, hostile, [])
    assert "<script" not in html and "<img" not in html and "&lt;b&gt;" in html


def test_every_verdict_has_colours_that_are_told_apart():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    assert set(page.COLOURS) == set(claims.VERDICTS)
    for back, ink in page.COLOURS.values():
        assert (luminance(back) + 0.05) / (luminance(ink) + 0.05) >= 4.5


def test_rows_of_markdown_keep_their_columns():
    row = report.measured().head(1).assign(here="a | b")
    [line] = [line for line in report._markdown(row, []).splitlines() if "a \\| b" in line]
    assert len(re.findall(r"(?<!\\)\|", line)) == 9
