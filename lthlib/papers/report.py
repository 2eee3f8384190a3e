"""Every claim of the papers beside what was measured: a self-contained HTML page, Markdown, and JSON.

Claims are measured in the shipped atlas and in a results folder, if one is given, by `papers.sources`;
lessons that were run add what they measured. The verdicts are those of `lthlib.beside_paper`.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lthlib import plots
from lthlib.core.files import output_folder, write_atomically
from lthlib.papers import claims, page, sources
from lthlib.papers.claims import CONTRADICTED, HOLDS, INCONCLUSIVE, NO_VERDICT, SEVERAL, VERDICTS, Claim
from lthlib.papers.sources import SCALES, Run

TITLE = "The papers' claims, and what was measured"
NOT_MEASURED = "not measured"
COUNTED = [*HOLDS, INCONCLUSIVE, CONTRADICTED, NO_VERDICT]
PAPERS = {  # by the number or the name that sources begin with
    "1803.03635": "Frankle & Carbin 2019, The Lottery Ticket Hypothesis",
    "1903.01611": "Frankle et al. 2019, Stabilizing the Lottery Ticket Hypothesis",
    "1912.05671": "Frankle et al. 2020, Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    "2003.02389": "Renda et al. 2020, Comparing Rewinding and Fine-tuning",
    "1905.01067": "Zhou et al. 2019, Deconstructing Lottery Tickets",
    "1911.13299": "Ramanujan et al. 2020, What's Hidden in a Randomly Weighted Neural Network?",
    "2009.08576": "Frankle et al. 2021, Pruning Neural Networks at Initialization",
    "1909.11957": "You et al. 2020, Drawing Early-Bird Tickets",
    "1906.02773": "Morcos et al. 2019, One Ticket to Win Them All",
    "1810.05270": "Liu et al. 2019, Rethinking the Value of Network Pruning",
    "2007.12223": "Chen et al. 2020, The Lottery Ticket Hypothesis for Pre-trained BERT Networks",
    "2102.06790": "Chen et al. 2021, A Unified Lottery Ticket Hypothesis for Graph Neural Networks",
    "2010.02350": "Kalibhat et al. 2020, Winning Lottery Tickets in Deep Generative Models",
    "2206.08684": "He et al. 2022, Sparse Double Descent",
    "2306.12190": "Arora et al. 2023, Quantifying Lottery Tickets under Label Noise",
    "1706.04599": "Guo et al. 2017, On Calibration of Modern Neural Networks",
    "Varma T et al.": "Varma T et al. 2022, Sparse Winning Tickets are Data-Efficient Image Recognizers",
    "Greydanus & Kobak": "Greydanus & Kobak, MNIST-1D",
    "1911.11134": "Evci et al. 2020, Rigging the Lottery",
    "2209.04836": "Ainsworth et al. 2023, Git Re-Basin",
    "2110.06296": "Entezari et al. 2022, The Role of Permutation Invariance in Linear Mode Connectivity",
    "2505.05143": "Adnan et al. 2025, Aligning Lottery Ticket Masks using Weight Symmetry",
}


def measured(results: str | Path | None = None) -> pd.DataFrame:
    """One row per claim and place it was measured at, in the order of the claims, the one that counts
    first (see `counted`); a claim that was measured nowhere has one row, with verdict "not measured".
    Columns: those of `sources.rows`, paper, source and setting."""
    rows = sources.rows(results)
    rows = pd.concat([rows, *(_unmeasured(claim) for claim in claims.load() if claim.id not in set(rows.id))])
    by_id = {claim.id: claim for claim in claims.load()}
    order = [_order(by_id[row["id"]], row) for _, row in rows.iterrows()]
    rows = rows.iloc[sorted(range(len(order)), key=order.__getitem__)].reset_index(drop=True)
    names = ("source", "setting", "unit", "line", "side", "number")
    about = {name: [getattr(by_id[id], name) for id in rows.id] for name in names}
    return rows.assign(paper=[paper_of(by_id[id]) for id in rows.id], **about)


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """The one row of each claim that counts: that with a verdict on the claim's own task; of these, and
    else of all with a verdict, that nearest to the paper's scale, then that with the most trials."""
    return rows.drop_duplicates("id")


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that people read: of a claim that has a verdict somewhere, those with one alone."""
    undecided = rows.verdict.map(claims.word) == NO_VERDICT
    decided = set(rows.id[~undecided])
    return rows[~(undecided & rows.id.isin(decided))]


def summary(rows: pd.DataFrame) -> str:
    """What a newcomer wants to know first, in a few sentences."""
    one = counted(rows)
    words = one.verdict.map(claims.word)
    there = one[words != NOT_MEASURED]
    found = {word: (words == word).sum() for word in COUNTED}
    counts = ", ".join(f"{count} {_counted_as(word)}" for word, count in found.items() if count)
    whole = f"Of {len(one)} claims of {one.paper.nunique()} papers, {len(there)} were measured here"
    if there.empty:
        return f"{whole}."
    at = {scale: (there.scale == scale).sum() for scale in SCALES}
    scales = ", ".join(f"{count} at {_in_words(scale)}" for scale, count in at.items() if count)
    several = (shown(rows).id.value_counts() > 1).sum()
    nearest = f" {several} claims were measured in several settings; of these, the one nearest to the paper's is counted."
    return f"{whole}: {counts}. By scale: {scales}.{nearest if several else ''}"


def paper_of(claim: Claim) -> str:
    """The paper that a claim is from, by name."""
    return next((name for number, name in PAPERS.items() if claim.source.startswith(number)), claim.source)


def as_json(rows: pd.DataFrame) -> list[dict]:
    """The rows for programs: numbers without words beside the words, and null where there is none."""
    plain = json.loads(rows.drop(columns=["line", "side", "number"]).to_json(orient="records"))
    return [{"word": claims.word(row["verdict"]), **row} for row in plain]


def write(results: str | Path | None = None, to: str | Path | None = None) -> list[Path]:
    """Write report.html, report.md and report.json into `to`, else into the results folder, else into report/
    where you are, and return their paths. Raises LotteryError for a folder that cannot be used."""
    if results is not None:
        sources.stores(results)  # whatever is wrong with it is said before a folder is made
    named = next(name for name in (to, results, "report") if name is not None)
    folder = output_folder("the report's folder", named)  # and with that before anything is measured
    rows, figures = measured(results), list(_figures(results))
    contents = {
        "report.html": page.write(TITLE, summary(rows), VERDICTS, shown(rows), figures),
        "report.md": _markdown(rows, figures),
        "report.json": json.dumps({"summary": summary(rows), "claims": as_json(rows)}, indent=1),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content.encode())
    return [folder / name for name in contents]


def _unmeasured(claim: Claim) -> pd.DataFrame:
    cells = {"id": claim.id, "claim": claim.claim, "the paper": claims.of_the_paper(claim)}
    cells |= {"verdict": NOT_MEASURED, "trials": 0}
    texts = dict.fromkeys(("here", "on", "scale", "95 % bounds", "from"), "")
    return pd.DataFrame([{**cells, **texts, **dict.fromkeys(sources.NUMBERS, math.nan)}])


def _order(claim: Claim, row: pd.Series) -> tuple:
    """Where a row stands among all: by claim, and within it what counts first."""
    place = [one.id for one in claims.load()].index(claim.id)
    undecided = claims.word(row.verdict) in (NO_VERDICT, NOT_MEASURED)
    elsewhere = claim.task != SEVERAL and row.on.partition(",")[0] != claim.task
    scale = SCALES.index(row.scale) if row.scale in SCALES else len(SCALES)
    return place, undecided, elsewhere, scale, -int(row.trials), str(row.on), str(row["from"])


def _counted_as(word: str) -> str:
    return {claims.SAME_DIRECTION: "in the same direction", NO_VERDICT: "without a verdict"}.get(word, word)


def _in_words(scale: str) -> str:
    scales = {"paper": "the paper's own scale", "other": "another number of iterations"}
    return scales.get(scale, f"profile {scale}")


def _markdown(rows: pd.DataFrame, figures: list[tuple[str, str, str]]) -> str:
    lines = [f"# {TITLE}", "", summary(rows), ""]
    lines += [f"- **{word}**: {meaning}." for word, meaning in VERDICTS.items()]
    columns = ["claim", "the paper", "here", "on", "scale", "95 % bounds", "trials", "verdict"]
    for paper, of_paper in shown(rows).groupby("paper", sort=False):
        there = of_paper[of_paper.verdict != NOT_MEASURED]
        lines += ["", f"## {paper}", ""]
        if len(there):
            lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
            lines += [f"| {' | '.join(map(_cell, cells))} |" for cells in there[columns].to_numpy()]
        missing = of_paper[of_paper.verdict == NOT_MEASURED]
        if len(missing):
            lines += ["", "Not measured here:", ""]
            lines += [f"- {row.claim} The paper: {row['the paper']}." for _, row in missing.iterrows()]
    lines += ["", *(f"**{title}.** {description}\n" for title, description, _ in figures)]
    return "\n".join(lines)


def _cell(value) -> str:
    return str(value).replace("|", "\\|")


def _figures(results: str | Path | None) -> Iterator[tuple[str, str, str]]:
    """Title, description and HTML of a figure for every hunt that claims are measured in, each of its
    panels with one unit."""
    runs = sorted(sources.runs(results), key=lambda run: SCALES.index(run.scale))
    for run in runs:
        if run.table.level.max() > 0 and any(sources.measures(claim, run) for claim in claims.load()):
            figure = plots.by_measure(run.table, ["test_accuracy", "early_stop"])
            yield _title(run), figure.get_label(), plots.as_html(figure)


def _title(run: Run) -> str:
    """A hunt in words: its task, its scale and length, and how it differs from its profile."""
    changes = [str(value) if name == "schedule" else f"{name.replace('_', ' ')} {value:g}" for name, value in run.changes]
    long = f"{dataclasses.asdict(run.setting.recipe)['iterations']:,} iterations"
    return ", ".join([run.setting.task, _in_words(run.scale), long, f"{run.table.trial.nunique()} trials", *changes])
