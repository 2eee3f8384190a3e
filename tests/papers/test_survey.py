"""The map of the field: every link leads somewhere, and every command runs."""

import re
import shlex

import pytest

from lthlib import settings, tasks
from lthlib.__main__ import parser
from lthlib.core.errors import LotteryError
from lthlib.exercises import notations as exercises_map
from lthlib.papers import survey
from tests.conftest import ROOT
from tests.test_lessons import solutions

LESSONS = {int(path.name[:2]) for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_every_topic_has_a_lesson_that_exists_or_a_paper():
    table = survey.topics()
    assert len(table) == len(set(table.topic)) and table["head"].nunique() == 8
    for row in table.itertuples():
        assert set(row.lessons) <= LESSONS, row.topic
        assert row.papers and all(re.fullmatch(r"\d{4}\.\d{5}", number) for number in row.papers.values()), row.topic
        assert row.question.endswith("?")


def test_every_lesson_of_the_suite_is_on_the_map():
    assert LESSONS - {0} <= {number for lessons in survey.topics().lessons for number in lessons}


@pytest.mark.parametrize("command", survey.questions().command)
def test_every_command_is_one_that_runs(command):
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "lthlib"]
    options = parser().parse_args(words[3:])
    if options.command == "hunt":
        settings.check_controls(options.controls)  # raises for one that is not there
        names = ("schedule", "levels", "rate", "trials", "iterations", "rewind", "score", "scope", "structure")
        setting, _ = tasks.resolve(tasks.find_task(options.task), "quick", **{n: getattr(options, n) for n in names})
        assert setting.identity()


def test_notations_translate_both_ways():
    told = survey.notations(0.8**7)
    assert told["rounds at rate 0.2"] == pytest.approx(7)
    assert told["weights remaining, P_m (%)"] / 100 == pytest.approx(1 - told["sparsity"])
    assert 10 ** told["log10 of the compression ratio"] == pytest.approx(told["compression ratio"]) == pytest.approx(0.8**-7)
    with pytest.raises(LotteryError, match="the density is 1.0"):
        survey.notations(1.0)
    with pytest.raises(LotteryError, match="the rate is 0"):
        survey.notations(0.5, rate=0)


def test_the_lessons_solutions_are_right(capsys):
    space = solutions(ROOT / "notebooks" / "16_the_map.ipynb")
    exercises_map.check_density_of(space["density_of"])
    exercises_map.check_both_densities(space["both_densities"])
    assert capsys.readouterr().out.count("Right") == 2
    exercises_map.check_density_of(lambda *_: None)
    exercises_map.check_both_densities(lambda *_: None)
    assert capsys.readouterr().out.count("not tried yet") == 2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda value, notation: value if notation == "remaining (%)" else 0.1, "in percent"),
        (lambda value, notation: value / 100, "is the sparsity"),
        (
            lambda value, notation: (
                solutions(ROOT / "notebooks" / "16_the_map.ipynb")["density_of"](value, notation)
                if "log" not in notation
                else 2.7**-value
            ),
            "density of",
        ),
        (lambda value, notation: "a tenth", "return a number"),
    ],
)
def test_wrong_translations_are_told_why(wrong, says):
    with pytest.raises(exercises_map.WrongAnswer, match=says):
        exercises_map.check_density_of(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda kept, prunable, other: (sum(kept[n] / prunable[n] for n in kept) / 2, 0.1), "mean of the layers"),
        (lambda kept, prunable, other: (80 / 700, 80 / 750), "cannot be pruned is left"),
        (lambda kept, prunable, other: (80 / 700, 80 / 700), "everything that is left"),
        (lambda kept, prunable, other: 80 / 700, "two numbers"),
        (lambda kept, prunable, other: (80 / 700, 130 / 750), "both are 1"),
    ],
)
def test_wrong_densities_are_told_why(wrong, says):
    with pytest.raises(exercises_map.WrongAnswer, match=says):
        exercises_map.check_both_densities(wrong)
