"""The numbers in the workshop plan are those of the shipped results. `python -m tests.test_workshop` prints them."""

import re

import pytest

import lthlib
from lthlib import analysis, widgets
from lthlib.core.percent import percent
from lthlib.lessons import reporting, tour
from lthlib.papers import claims
from lthlib.storage import atlas
from tests.conftest import ROOT

NAME = "lenet-mnist1d"
pytestmark = pytest.mark.skipif(atlas.read(NAME).empty, reason=f"no results of {NAME} are shipped")


def stops() -> list[str]:
    """The five stops of lesson 0 as a table: what each asks, what the shipped results answer, and how surely."""
    walk = tour.Tour(widgets.explore())
    lines = ["| stop | asks | answer | what the panel says |", "|---|---|---|---|"]
    for number, stop in enumerate(tour.STOPS, 1):
        answer, sentence, _ = walk.computed(number)
        others = "; ".join(choice for choice in stop.choices if choice != answer)
        lines.append(f"| {number} | {stop.question} (Not: {others}) | **{answer}** | {sentence} |")
    return lines


def shipped(schedule: str, levels: int):
    """The shipped hunt of a schedule that has so many levels: 14 at 20 % a round, 7 at 40 %."""
    table = atlas.read(NAME)
    table = table[(table.schedule == schedule) & (table.groupby("setting")["level"].transform("max") == levels)]
    return table.reset_index(drop=True)


def rounds() -> list[str]:
    """What lesson 2 finds, from the shipped hunts at its setting: iterative minus one-shot."""
    iterative, oneshot = shipped("iterative", 14), shipped("oneshot", 14)
    both = analysis.pairs(iterative, oneshot)
    both = both[both.index.get_level_values("level") > 1]  # levels 0 and 1 are the same tickets
    small = both.density < min(claims.find("lenet-oneshot-earlier").density)
    what = "tickets found in rounds minus tickets found in one shot"
    parts = (both[small], both[~small])
    return [f"| 2 | {sizes(part.density)}: {what} | {judged(part.difference, iterative)} |" for part in parts]


def sizes(density) -> str:
    """From the largest to the smallest of these densities, in words."""
    return f"Averaged over {percent(density.max())} to {percent(density.min())} of the weights"


def judged(differences, table) -> str:
    """The mean over levels inside each trial, with bounds and verdict by the task's margin."""
    return reporting.judged(differences.groupby("trial").mean(), analysis.margin_of(table).value)


def controls() -> list[str]:
    """What lesson 3 finds, from the shipped hunt at its setting: the controls at small sizes."""
    table = shipped("iterative", 7)
    limit = 1.05 * max(claims.find("lenet-reinit-falls-from-21").density)

    def small(method):
        rows = analysis.pairs(table, "dense", method=method)
        return rows[rows.density <= limit].value.groupby("trial").mean()

    def order(means):
        return " > ".join(f"{name} {means[name]:.1f} %" for name in sorted(means, key=lambda name: -means[name]))

    names = ("ticket", "reinit", "shuffle", "random")
    found = {name: small(name) for name in names}
    level = analysis.nearest_level(table, 0.5)
    half = {name: analysis.pairs(table, "dense", method=name).loc[level] for name in names}
    margin = analysis.margin_of(table).value
    where = sizes(table[(table.level > 0) & (table.density <= limit)].density)
    rows = {"accuracy in order": order({name: values.mean() for name, values in found.items()})}
    for one, other in (
        ("ticket", "reinit"),
        ("ticket", "shuffle"),
        ("ticket", "random"),
        ("reinit", "random"),
        ("shuffle", "random"),
    ):
        rows[f"{one} minus {other}"] = reporting.judged(found[one] - found[other], margin)
    first = f"| 3 | At {percent(half['ticket'].density.mean())} of the weights: accuracy in order"
    first += f" | {order({name: rows.value.mean() for name, rows in half.items()})} |"
    return [first, *(f"| 3 | {where}: {what} | {value} |" for what, value in rows.items())]


def block() -> str:
    """Markdown between the plan's two markers."""
    table = ["| lesson | what is compared | the shipped results say |", "|---|---|---|", *rounds(), *controls()]
    return "\n".join([*stops(), "", *table])


def test_the_plans_numbers_are_the_shipped_results():
    plan = (ROOT / "docs" / "workshop.md").read_text()
    shown = plan.split("<!-- shipped -->\n")[1].split("\n<!-- end of shipped -->")[0]
    assert shown == block(), "run `python -m tests.test_workshop` and put what it prints between the plan's markers"


def test_the_note_on_lesson_0_has_the_same_answers():
    note = (ROOT / "docs" / "instructors" / "00_look_first.md").read_text()
    bold = re.findall(r"^\| \d, [^|]+\| \*\*(.+?)\*\* \|", note, re.MULTILINE)
    walk = tour.Tour(widgets.explore())
    answers = [walk.computed(number)[0] for number in range(1, len(tour.STOPS) + 1)]
    assert len(bold) == len(answers) and all(short in answer.lower() for short, answer in zip(bold, answers)), answers


def test_the_hunts_are_at_the_lessons_own_settings():
    assert shipped("iterative", 14).trial.nunique() == shipped("oneshot", 14).trial.nunique() == 5
    assert lthlib.levels(shipped("iterative", 7)).columns.size == 5, "tickets, three controls and the weights remaining"


if __name__ == "__main__":
    print(block())
