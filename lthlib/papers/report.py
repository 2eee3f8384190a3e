"""Every headline claim of the papers beside what was measured: one self-contained HTML page, and Markdown.

A claim is measured on the shipped atlas, and a results folder if one is given, at its own setting alone. The
verdict follows a rule, `VERDICTS`, which the report states. Of claims that no single table can measure, the
report has what lessons that were run wrote into the results folder.
"""

import contextlib
import dataclasses
import html
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lthlib import plots
from lthlib.core.errors import LotteryError
from lthlib.core.files import output_folder, write_atomically
from lthlib.papers import claims
from lthlib.papers.claims import Claim
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.storage.store import Store
from lthlib.tasks import TASKS, find_task, resolve

TITLE = "The papers' claims, and what was measured"
VERDICTS = {
    "reproduced": "the whole 95 % interval of the mean over trials is on the claim's side of its boundary, and "
    f"where the paper\n{'':19}prints a number, the mean is between half and twice as far from the boundary "
    "as that number",
    "partly": "the mean is on the claim's side, but not all of that",
    "not": "the mean is not on the claim's side",
    "not yet run": "there is no trial at the claim's setting and density",
    "in a lesson": "lessons measured it, at their own task and profile, as said there: no verdict, but whether "
    f"their\n{'':19}interval is on the claim's side",
    "not measured": "the claim states no density, or needs more than one hunt: run the lesson that measures it, "
    f"and name\n{'':19}the results folder",
}
RULE = "\n".join(f"    {name:15}{meaning}" for name, meaning in VERDICTS.items())
COLUMNS = ["claim", "source", "the paper", "here", "95 % interval", "trials", "verdict"]
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; \
background: #fff }
table { border-collapse: collapse; font-size: 14px; width: 100% }
th, td { text-align: left; padding: .35em .6em; vertical-align: top }
pre { white-space: pre-wrap }
tr { border-bottom: 1px solid #ddd } th { border-bottom: 2px solid #222 } \
.reproduced { color: #00563f; font-weight: bold }
.partly { color: #7a5200; font-weight: bold } .not { color: #a84a00; font-weight: bold } \
figcaption { font-size: 14px }
"""


def verdict(claim: Claim, values: np.ndarray) -> str:
    """One of "reproduced", "partly", "not" and "not yet run", for values one a trial, in the claim's unit."""
    if not len(values):
        return "not yet run"
    mean, low, high = claim.averaged(values)
    if claim.supported_by(mean, mean) != "yes":
        return "not"
    sure = claim.supported_by(low, high) == "yes"
    return "reproduced" if sure and _of_that_size(claim, mean) else "partly"


def measured(results: str | Path | None = None) -> pd.DataFrame:
    """One row per claim: what `lthlib.beside_paper` says of it, or did in lessons, its source, trials and
    verdict."""
    verdicts, in_lessons = {}, _in_lessons(results)
    for claim in claims.load():
        effect = _effect(claim, results)
        values = effect.value.dropna().to_numpy()
        verdicts[claim.id] = claims.beside_paper({claim.id: effect}).loc[claim.id].to_dict() | {
            "source": claim.source,
            "trials": len(values),
            "verdict": verdict(claim, values) if _from_one_table(claim) else "not measured",
        }
        if not len(values):
            verdicts[claim.id] |= {"here": "", "95 % interval": ""}
        if not _from_one_table(claim) and claim.id in in_lessons:
            verdicts[claim.id] |= {"here": "; ".join(in_lessons[claim.id]), "verdict": "in a lesson"}
    return pd.DataFrame(verdicts).T[COLUMNS].rename_axis("id")


def write(results: str | Path | None = None, to: str | Path | None = None) -> list[Path]:
    """Write report.html and report.md into `to`, else into the results folder, else into report/ where you
    are, and return their paths. Raises LotteryError for a folder that cannot be used."""
    verdicts, figures = measured(results), list(_figures(results))
    folder = output_folder("the report's folder", next(name for name in (to, results, "report") if name is not None))
    contents = {"report.html": _page(verdicts, figures), "report.md": _markdown(verdicts, figures)}
    for name, content in contents.items():
        write_atomically(folder / name, content.encode())
    return [folder / name for name in contents]


def table_of(setting: Setting, results: str | Path | None = None) -> pd.DataFrame:
    """What the atlas and a results folder, if given, hold of a setting; a network in both is the folder's."""
    shipped = atlas.read(setting.task, setting)
    if results is None:
        return shipped
    own = Store(results, writable=False).table([setting], all_trials=False)
    return atlas.merge(shipped, own) if len(own) else shipped


def _in_lessons(results: str | Path | None) -> dict[str, list[str]]:
    """What lessons that were run say of claims, by the claim's id: a sentence each, from the result.json that
    each wrote somewhere in the results folder."""
    ids = {claim.label: claim.id for claim in claims.load()}
    found: dict[str, list[str]] = {}
    folder = None if results is None else Store(results, writable=False).folder
    for path in sorted(folder.rglob("result.json")) if folder else ():
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # not of a lesson
            run = json.loads(path.read_bytes())
            where = f"lesson {run['lesson']}, {run['task']}, profile {run['profile']}"
            for row in pd.DataFrame(run["beside"]).to_dict("records"):
                label = row["claim"].partition("]")[0] + "]"  # behind it a lesson may say how
                way = row["claim"].removeprefix(label) or (f" ({row['method']})" if "method" in row else "")
                on_side, interval = row["same direction"], row["95 % interval"]
                sentence = f"{row['here']}{way} [{interval}], on the claim's side: {on_side} ({where})"
                found.setdefault(ids[label], []).append(sentence)
    return found


def _markdown(verdicts: pd.DataFrame, figures: list[tuple[str, str, str]]) -> str:
    lines = [f"# {TITLE}", "", _counts(verdicts), "", "```", RULE, "```", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in verdicts.itertuples(index=False)]
    lines += ["", *(f"**{title}.** {description}\n" for title, description, _ in figures)]
    return "\n".join(lines)


def _page(verdicts: pd.DataFrame, figures: list[tuple[str, str, str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(_table_row(row) for _, row in verdicts.iterrows())
    pictures = "".join(f"<h2>{html.escape(title)}</h2>{picture}" for title, _, picture in figures)
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{TITLE}</title><style>{STYLE}</style>"
        f"<h1>{TITLE}</h1><p>{html.escape(_counts(verdicts))}</p><pre>{html.escape(RULE)}</pre>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{pictures}</html>"
    )


def _table_row(row: pd.Series) -> str:
    cells = [f"<td>{html.escape(str(cell))}</td>" for cell in row]
    if row.verdict in ("reproduced", "partly", "not"):  # COLUMNS ends with the verdict, which has a colour
        cells[-1] = f'<td class="{row.verdict}">{row.verdict}</td>'
    return f"<tr>{''.join(cells)}</tr>"


def _counts(verdicts: pd.DataFrame) -> str:
    counts = ", ".join(f"{(verdicts.verdict == name).sum()} {name}" for name in VERDICTS)
    return f"{len(verdicts)} claims: {counts}."


def _setting(claim: Claim) -> Setting:
    return resolve(find_task(claim.task), "paper", **claim.changes)[0]


def _from_one_table(claim: Claim) -> bool:
    return claim.task in TASKS and bool(claim.measure) and claim.density is not None


def _effect(claim: Claim, results: str | Path | None) -> pd.DataFrame:
    """`claims.effect` at the claim's own setting; no rows where it, or the claim's control, was not trained."""
    table = table_of(_setting(claim), results) if _from_one_table(claim) else pd.DataFrame()
    if not table.empty:
        with contextlib.suppress(LotteryError):  # raised where the control is missing
            return claims.effect(table, claim)
    return pd.DataFrame(columns=["value", "from", "down_to"], dtype=float)


def _of_that_size(claim: Claim, mean: float) -> bool:
    """Whether the mean is between half and twice as far from the boundary as the number that the paper
    prints."""
    if claim.number is None or claim.side == "level":
        return True
    number = max(claim.number, key=abs) if isinstance(claim.number, tuple) else claim.number
    printed, ours = number - claim.line, mean - claim.line
    if claim.unit == "times":
        printed, ours = np.log(number / claim.line), np.log(mean / claim.line)
    return printed == 0 or 0.5 <= ours / printed <= 2


def _figures(results: str | Path | None) -> Iterator[tuple[str, str, str]]:
    """Title, description and HTML of a figure for every setting that claims are measured at and that has
    results."""
    for setting in dict.fromkeys(_setting(claim) for claim in claims.load() if _from_one_table(claim)):
        table = table_of(setting, results)
        if len(table) and table.level.max() > 0:
            figure = plots.by_measure(table, ["test_accuracy", "early_stop"])
            yield _title(setting), figure.get_label(), plots.as_html(figure)


def _title(setting: Setting) -> str:
    """A setting in words: its task, and how it differs from the task's profile `paper`."""
    usual = dataclasses.asdict(resolve(find_task(setting.task), "paper")[0].recipe)
    words = [setting.task]
    for name, value in dataclasses.asdict(setting.recipe).items():
        if value != usual[name]:
            words.append(f"{name.replace('_', ' ')} {value:g}")
    if setting.schedule != "iterative":
        words.append(setting.schedule)
    return ", ".join(words)
