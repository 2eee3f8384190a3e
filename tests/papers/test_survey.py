"""The map of the field: every link leads somewhere, and every command runs."""

import re
import shlex

import pytest

from lthlib import tasks
from lthlib.__main__ import parser
from lthlib.core.errors import LotteryError
from lthlib.lottery.controls import check_controls
from lthlib.papers import survey
from tests.conftest import ROOT

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
        check_controls(options.controls)  # raises for one that is not there
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
