"""All exercises: every lesson's solutions pass, blanks are not wrong, and no check is left over."""

import pytest

from tests.exercises import calls_of, checks_of, solutions_of
from tests.notebooks import LESSONS

CALLS = [(lesson, *call) for lesson in range(len(LESSONS)) for call in calls_of(lesson).items()]


@pytest.mark.parametrize(("lesson", "function", "check"), CALLS)
def test_solutions_pass_and_a_blank_is_not_wrong(lesson, function, check, capsys):
    check = checks_of(lesson)[check]
    check(solutions_of(lesson)[function])
    assert capsys.readouterr().out.startswith("Right: ")
    check(lambda *_, **__: None)
    assert capsys.readouterr().out == "Not tried yet: `<lambda>` returns None.\n"


def test_the_notebooks_call_every_check_once():
    assert len(CALLS) == len({(lesson, check) for lesson, _, check in CALLS}) == 44
    assert {lesson for lesson, _, _ in CALLS} == set(range(18))


@pytest.mark.parametrize("lesson", range(len(LESSONS)))
def test_every_check_is_of_an_exercise(lesson):
    checks = checks_of(lesson)
    assert len(checks) >= 2
    assert set(checks) == set(calls_of(lesson).values())
    assert {check.lesson for check in checks.values()} == {lesson}
    assert all(check.__doc__ for check in checks.values())
