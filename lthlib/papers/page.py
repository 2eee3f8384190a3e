"""The report as one HTML page that needs nothing else: for wide screens, narrow ones, and paper."""

import html
import math

import pandas as pd

from lthlib.papers import claims
from lthlib.papers.claims import RATIOS

NOT_MEASURED = "not measured"
WIDTH, HEIGHT, INSIDE = 150, 26, 8  # of the strip that shows a row's bounds, in pixels, and its empty border
COLOURS = {  # background and text of a verdict: at least 4.5 to 1, and told apart by their words too
    claims.REPRODUCED: ("#d3efe0", "#00523a"),
    claims.AS_GOOD: ("#d9ecf7", "#0b4a6f"),
    claims.SAME_DIRECTION: ("#e6edd8", "#3f5200"),
    claims.INCONCLUSIVE: ("#f6ead0", "#6b4700"),
    claims.CONTRADICTED: ("#f9dcd0", "#8a2f00"),
    claims.NO_VERDICT: ("#e8e8e8", "#4a4a4a"),
}
STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0 auto; max-width: 72rem;
  padding: 1.5rem 1rem 4rem; color: #222; background: #fff }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .6rem }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .2rem }
.lead { font-size: 1.05rem; max-width: 48rem }
.small { color: #555; font-size: .84rem }
.chip { display: inline-block; border-radius: .8em; padding: .05em .65em; font-weight: 600; font-size: .86rem;
  white-space: nowrap }
.counts { display: flex; flex-wrap: wrap; gap: .4rem; margin: .8rem 0; padding: 0; list-style: none }
details { margin: .6rem 0 }
summary { cursor: pointer }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .8rem }
dd { margin: 0 }
table { border-collapse: collapse; width: 100%; font-size: .92rem; table-layout: fixed }
th { text-align: left; border-bottom: 2px solid #222; padding: .3em .7em .3em 0 }
td { vertical-align: top; padding: .55em .7em .55em 0; overflow-wrap: anywhere }
tr.first td { border-top: 1px solid #ddd }
tr.also td { padding-top: .1em }
.value { font-weight: 600 }
svg { display: block; margin: .2rem 0 }
figure { margin: 0 0 1.5rem }
figcaption { font-size: .84rem; color: #444 }
img { max-width: 100%; height: auto }
@media (max-width: 800px) {
  table, tbody, tr, td { display: block; width: 100% }
  thead, colgroup { display: none }
  tr { padding: .6em 0 }
  tr.first { border-top: 1px solid #ddd }
  tr.first td { border-top: 0 }
  td { padding: .1em 0 }
  td[data-name]::before { content: attr(data-name) ": "; color: #555; font-size: .84rem }
  td:empty { display: none }
  dl { grid-template-columns: 1fr }
}
"""
COLUMNS = {"claim": 34, "the paper": 20, "here": 28, "verdict": 18}  # with their widths in percent


Figures = list[tuple[str, str, str]]  # title, description and HTML


def write(title: str, summary: str, rule: dict[str, str], rows: pd.DataFrame, figures: Figures) -> str:
    """The page: what is known in a few sentences, counts, the rule, a table for each paper, and figures.

    `rows` are those of `report.measured`; `rule` says what each verdict means.
    """
    parts = [(str(name), part) for name, part in rows.groupby("paper", sort=False)]
    there = [(name, part) for name, part in parts if (part.verdict != NOT_MEASURED).any()]
    elsewhere = [(name, part) for name, part in parts if (part.verdict == NOT_MEASURED).all()]
    papers = "".join(_paper(name, part) for name, part in there)
    if elsewhere:
        rest = "".join(_unmeasured(name, part) for name, part in elsewhere)
        papers += f"<section><h2>Papers of which nothing was measured here</h2>{rest}</section>"
    pictures = "".join(f"<h3>{_text(name)}</h3>{picture}" for name, _, picture in figures)
    meanings = "".join(f"<dt>{_chip(word)}</dt><dd>{_text(meaning)}</dd>" for word, meaning in rule.items())
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p class='lead'>{_text(summary)}</p>{_counts(rows)}"
        "<details><summary>What the verdicts mean, and how to read a row</summary>"
        f"<dl>{meanings}</dl><p class='small'>{HOW}</p></details>"
        f"{papers}{'<h2>The curves behind it</h2>' if pictures else ''}{pictures}</body></html>\n"
    )


HOW = (
    "Under a value are its 95 % bounds: the mean over trials lies above the first, and below the second, "
    "with 95 % confidence each. The strip draws them as a bar with the mean as a dot; the dark dashed line is "
    "the claim's boundary (no difference, or no change), a pale one its margin, and the hollow diamond the "
    "number that the paper prints. A claim that was measured at several places has a row for each; the first "
    "is the nearest to the paper's, and counts."
)


def strip(row: pd.Series) -> str:
    """A small drawing of a row: bar from bound to bound, a dot for the mean, a line at the boundary, paler
    ones at its margins, a diamond at the paper's number. Empty where there are no bounds."""
    if row[["value", "low", "high"]].isna().any() or row.side == "none":
        return ""
    scale = math.log if row.unit in RATIOS else float
    number = max(row.number, key=abs) if isinstance(row.number, tuple) else row.number
    marks = {"low": row.low, "high": row.high, "value": row.value, "line": row.line}
    marks |= {"number": number} if number is not None and not math.isnan(number) else {}
    marks |= {"least": row.line - row.margin} if row.margin > 0 else {}
    marks |= {"most": row.line + row.margin} if row.margin > 0 and row.side == "level" else {}
    at = {name: scale(value) for name, value in marks.items()}
    least, most = min(at.values()), max(at.values())
    wide = (most - least) or 1.0
    x = {name: INSIDE + (WIDTH - 2 * INSIDE) * (value - least) / wide for name, value in at.items()}
    middle = HEIGHT / 2
    ink = COLOURS[claims.word(row.verdict)][1]
    margins = "".join(_line(x[name], "#aaa") for name in ("least", "most") if name in x)
    diamond = ""
    if "number" in x:
        corners = ((-6, 0), (0, -6), (6, 0), (0, 6))
        points = " ".join(f"{x['number'] + a:.1f},{middle + b:.1f}" for a, b in corners)
        diamond = f"<polygon points='{points}' fill='none' stroke='#222' stroke-width='1.3'/>"
    said = f"bounds {row['95 % bounds']}"
    return (
        f"<svg width='{WIDTH}' height='{HEIGHT}' role='img' aria-label='{_text(said)}'>"
        f"{_line(x['line'], '#333')}{margins}"
        f"<rect x='{x['low']:.1f}' y='{middle - 3}' width='{max(x['high'] - x['low'], 1):.1f}' height='6' "
        f"rx='2' fill='{ink}' fill-opacity='.35'/>"
        f"<circle cx='{x['value']:.1f}' cy='{middle}' r='4' fill='{ink}'/>{diamond}</svg>"
    )


def _line(x: float, ink: str) -> str:
    return f"<line x1='{x:.1f}' x2='{x:.1f}' y1='2' y2='{HEIGHT - 2}' stroke='{ink}' stroke-dasharray='3 2'/>"


def _paper(name: str, rows: pd.DataFrame) -> str:
    """The heading and table of a paper, and, folded, what of it was not measured."""
    there, missing = rows[rows.verdict != NOT_MEASURED], rows[rows.verdict == NOT_MEASURED]
    first = ~there.id.duplicated()
    body = "".join(_row(row, first[place]) for place, row in there.iterrows())
    head = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
    widths = "".join(f"<col style='width: {width}%'>" for width in COLUMNS.values())
    table = f"<table><colgroup>{widths}</colgroup><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    table = table if body else ""
    rest = _unmeasured("", missing) if len(missing) else ""
    return f"<section><h2>{_text(name)}</h2>{table}{rest}</section>"


def _unmeasured(name: str, rows: pd.DataFrame) -> str:
    """Claims that were not measured, folded under the paper's name, or under how many they are."""
    small = "<span class='small'>"
    both = zip(rows.claim, rows["the paper"])
    items = "".join(f"<li>{_text(claim)} {small}{_text(paper)}</span></li>" for claim, paper in both)
    heading = f"{small}{len(rows)} not measured here</span>"
    heading = f"{_text(name)} {small}({len(rows)})</span>" if name else heading
    return f"<details><summary>{heading}</summary><ul>{items}</ul></details>"


def _row(row: pd.Series, first: bool) -> str:
    about = f"{_text(row.claim)}<div class='small'>{_text(row.source)}: {_text(row.setting)}</div>"
    about, paper = (about, _text(row["the paper"])) if first else ("", "")
    trials = f"{row.trials} trial{'' if row.trials == 1 else 's'}"
    under = f"bounds {row['95 % bounds']}; {trials}"
    scale = {"paper": "the paper's scale", "other": "another length"}.get(row.scale, f"profile {row.scale}")
    here = f"<span class='value'>{_text(row.here)}</span><div class='small'>{_text(under)}</div>"
    here += f"<div class='small'>{_text('; '.join((row.on, scale, row['from'])))}</div>"
    word, _, why = row.verdict.partition(" (")
    reason = f"<div class='small'>{_text(why.removesuffix(')'))}</div>" if why else ""
    verdict = f"{_chip(word)}{reason}{strip(row)}"
    cells = {"claim": about, "the paper": paper, "here": here, "verdict": verdict}
    names = {name: f" data-name='{name}'" if cell and name != "claim" else "" for name, cell in cells.items()}
    named = "".join(f"<td{names[name]}>{cell}</td>" for name, cell in cells.items())
    return f"<tr class='{'first' if first else 'also'}' data-claim='{_text(row['id'])}'>{named}</tr>"


def _counts(rows: pd.DataFrame) -> str:
    words = rows.drop_duplicates("id").verdict.map(claims.word)
    counts = {word: (words == word).sum() for word in COLOURS}
    items = "".join(f"<li>{_chip(word, f'{count} {word}')}</li>" for word, count in counts.items() if count)
    return f"<ul class='counts'>{items}</ul>"


def _chip(word: str, text: str = "") -> str:
    back, ink = COLOURS[word]
    return f"<span class='chip' style='background: {back}; color: {ink}'>{_text(text or word)}</span>"


def _text(text) -> str:
    return html.escape(str(text), quote=True)
