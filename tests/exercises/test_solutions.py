"""All exercises: every lesson's solutions pass, blanks are not wrong, and no check is left over."""

import ast
import re

import pytest

from tests.exercises import NUMBERS, calls_of, checks_of, path_of, solutions_of
from tests.notebooks import cells

CALLS = [(lesson, *call) for lesson in NUMBERS for call in calls_of(lesson).items()]


@pytest.mark.parametrize(("lesson", "function", "check"), CALLS)
def test_solutions_pass_and_a_blank_is_not_wrong(lesson, function, check, capsys):
    check = checks_of(lesson)[check]
    check(solutions_of(lesson)[function])
    assert capsys.readouterr().out.startswith("Right: ")
    check(lambda *_, **__: None)
    assert capsys.readouterr().out == "Not tried yet: `<lambda>` returns None.\n"


def test_the_notebooks_call_every_check_once():
    assert len(CALLS) == len({(lesson, check) for lesson, _, check in CALLS}) >= 44
    assert {lesson for lesson, _, _ in CALLS} == set(NUMBERS)


@pytest.mark.parametrize("lesson", NUMBERS)
def test_every_check_is_of_an_exercise(lesson):
    checks = checks_of(lesson)
    assert len(checks) >= 2
    assert set(checks) == set(calls_of(lesson).values())
    assert {check.lesson for check in checks.values()} == {lesson}
    assert all(check.__doc__ for check in checks.values())


def uses(source, name):
    """Whether a cell reads a name that it does not set itself."""
    names = [
        node for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))) if isinstance(node, ast.Name)
    ]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return name not in own and any(node.id == name for node in names)


def unguarded(sources, function, check):
    """The cells after a check that use the reader's function without asking whether it is right."""
    place = max(place for place, source in enumerate(sources) if f".{check}({function})" in source)
    return [source for source in sources[place + 1 :] if uses(source, function) and f".{check}.right" not in source]


@pytest.mark.parametrize(("lesson", "function", "check"), CALLS)
def test_what_goes_on_with_an_answer_asks_first_whether_it_is_right(lesson, function, check):
    assert not unguarded([source for _, source in cells(path_of(lesson), "code")], function, check)


def test_a_cell_that_does_not_ask_is_found():
    sources = ["mine(1)", "def mine(x):\n    ...\n\n\nexercises.check_mine(mine)", "%pip x\nprint(mine(2))", "mine = 3\nmine"]
    assert unguarded(sources, "mine", "check_mine") == ["%pip x\nprint(mine(2))"]
    guarded = [*sources[:2], "if exercises.check_mine.right:\n    print(mine(2))"]
    assert not unguarded(guarded, "mine", "check_mine")
