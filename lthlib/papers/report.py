"""Every headline claim of the papers beside what was measured: one HTML page that needs nothing else, and Markdown.

A claim is measured on the shipped atlas and a results folder together, at its own setting alone. The verdict is a rule:

    reproduced     the whole 95 % interval of the mean over trials is on the claim's side of its boundary, and where the paper
                   prints a number, the mean is between half and twice as far from the boundary as that number
    partly         the mean is on the claim's side, but not all of that
    not            the mean is not on the claim's side
    not yet run    there is no trial at the claim's setting and density
    not measured   the claim states no density, or needs more than one hunt: the lessons measure it
"""

import dataclasses
import html
from pathlib import Path

import numpy as np
import pandas as pd

from lthlib import plots
from lthlib.analysis.comparison import interval
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.papers import claims
from lthlib.papers.claims import Claim
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.storage.store import Store
from lthlib.tasks import TASKS, find_task, resolve

VERDICTS = ("reproduced", "partly", "not", "not yet run", "not measured")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; background: #fff }
table { border-collapse: collapse; font-size: 14px; width: 100% }
th, td { text-align: left; padding: .35em .6em; vertical-align: top }
pre { white-space: pre-wrap }
tr { border-bottom: 1px solid #ddd } th { border-bottom: 2px solid #222 } .reproduced { color: #00563f; font-weight: bold }
.partly { color: #7a5200; font-weight: bold } .not { color: #a84a00; font-weight: bold } figcaption { font-size: 14px }
"""


def verdict(claim: Claim, values: np.ndarray) -> str:
    """The verdict on measured values, one a trial, in the claim's unit: "reproduced", "partly", "not", or "not yet run"."""
    if not len(values):
        return "not yet run"
    logs = claim.unit == "times"
    mean = float(np.exp(np.log(values).mean()) if logs else values.mean())
    if claim.supported_by(mean, mean) != "yes":
        return "not"
    low, high = interval(np.log(values) if logs else values)
    sure = claim.supported_by(*((np.exp(low), np.exp(high)) if logs else (low, high))) == "yes"
    return "reproduced" if sure and _of_that_size(claim, mean) else "partly"


def measured(results: str | Path | None = None) -> pd.DataFrame:
    """One row per claim: what `lthlib.beside_paper` says of it, its source, n and verdict. `results` is a results folder."""
    rows = {}
    for claim in claims.load():
        found, values = "not measured", np.array([])
        if _from_one_table(claim):
            table = table_of(_setting(claim), results)
            effect = _effect(table, claim)
            values = effect.value.dropna().to_numpy()
            found = verdict(claim, values)
        beside = claims.beside_paper({claim.id: effect if len(values) else values}).loc[claim.id]
        rows[claim.id] = {
            "claim": beside["claim"],
            "source": claim.source,
            "the paper": beside["the paper"],
            "here": beside["here"] if len(values) else "",
            "95 % interval": beside["95 % interval"] if len(values) else "",
            "trials": len(values),
            "verdict": found,
        }
    return pd.DataFrame(rows).T.rename_axis("id")


def write(results: str | Path, to: str | Path | None = None) -> list[Path]:
    """Write report.html and report.md into `to` (without, into the results folder), and return their paths."""
    results, to = Path(results), Path(to or results)
    rows = measured(results)
    figures = list(_figures(results))
    counts = ", ".join(f"{(rows.verdict == name).sum()} {name}" for name in VERDICTS)
    lead = f"{len(rows)} claims: {counts}."
    rule = __doc__.split("The verdict is a rule:")[1].rstrip()
    columns = ["claim", "source", "the paper", "here", "95 % interval", "trials", "verdict"]
    lines = ["# The papers' claims, and what was measured", "", lead, "", "```", rule.strip("\n"), "```", ""]
    lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(row[name]) for name in columns)} |" for _, row in rows.iterrows()]
    lines += ["", *(f"**{title}.** {text}\n" for title, text, _ in figures)]
    body = "".join(
        "<tr>" + "".join(f"<td{_kind(name, row)}>{html.escape(str(row[name]))}</td>" for name in columns) + "</tr>"
        for _, row in rows.iterrows()
    )
    head = "".join(f"<th>{name}</th>" for name in columns)
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>The papers' claims, and what was measured</title>"
        f"<style>{STYLE}</style><h1>The papers' claims, and what was measured</h1><p>{html.escape(lead)}</p>"
        f"<pre>{html.escape(rule.strip(chr(10)))}</pre><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        + "".join(f"<h2>{html.escape(title)}</h2>{picture}" for title, _, picture in figures)
        + "</html>"
    )
    to.mkdir(parents=True, exist_ok=True)
    paths = [to / "report.html", to / "report.md"]
    write_atomically(paths[0], page.encode())
    write_atomically(paths[1], "\n".join(lines).encode())
    return paths


def table_of(setting: Setting, results: str | Path | None = None) -> pd.DataFrame:
    """What the atlas and, where given, a results folder hold of a setting; a network that is in both is the folder's."""
    shipped = atlas.read(setting.task, setting)
    if results is None:
        return shipped
    own = Store(results, writable=False).table([setting], all_trials=False)
    return own if shipped.empty else atlas.merge(shipped, own) if len(own) else shipped


def _setting(claim: Claim) -> Setting:
    return resolve(find_task(claim.task), "paper", **claim.changes)[0]


def _from_one_table(claim: Claim) -> bool:
    return claim.task in TASKS and bool(claim.measure) and claim.density is not None


def _effect(table: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """`claims.effect`, without rows where the table has nothing of the claim, or not its control."""
    nothing = pd.DataFrame({"value": [], "from": [], "down_to": []})
    if table.empty:
        return nothing
    try:
        return claims.effect(table, claim)
    except LotteryError:
        return nothing


def _of_that_size(claim: Claim, mean: float) -> bool:
    if claim.number is None or claim.side == "level":
        return True
    number = max(claim.number, key=abs) if isinstance(claim.number, tuple) else claim.number
    far, here = (np.log(value / claim.line) if claim.unit == "times" else value - claim.line for value in (number, mean))
    return far == 0 or 0.5 <= here / far <= 2


def _figures(results: Path):
    """For every setting that claims are measured at and that has results: a title, a description, and the figure as HTML."""
    for setting in dict.fromkeys(_setting(claim) for claim in claims.load() if _from_one_table(claim)):
        table = table_of(setting, results)
        if len(table) and table.level.max() > 0:
            changes = dataclasses.asdict(setting.recipe)
            usual = dataclasses.asdict(_usual(setting).recipe)
            told = [f"{name.replace('_', ' ')} {value:g}" for name, value in changes.items() if value != usual[name]]
            told += [setting.schedule] if setting.schedule != "iterative" else []
            figure = plots.by_measure(table, ["test_accuracy", "early_stop"])
            text = figure.get_label()
            yield ", ".join([setting.task, *told]), text, plots.as_html(figure)


def _usual(setting: Setting) -> Setting:
    return resolve(find_task(setting.task), "paper")[0]


def _kind(column: str, row: pd.Series) -> str:
    return f' class="{row.verdict.split()[0]}"' if column == "verdict" and " " not in row.verdict else ""
