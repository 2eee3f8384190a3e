"""What every check gets from the decorator: copies, and one sentence on what is right, wrong or not tried."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lthlib.exercises.checking import WrongAnswer, copied, exercise, need, need_mask, same


@exercise(lesson=3)
def check_double(double):
    """`double(x)` is twice x."""
    x = torch.ones(2)
    need(torch.equal(double(x), 2 * torch.ones(2)), "that is not twice x.")
    need(same(double.given, [x]), "x has changed.")
    need(double(x=x) is not None, "the second call gives None.")
    return "Right: twice."


def none_from(call):
    calls = []

    def double(x):
        calls.append(x)
        return None if len(calls) >= call else 2 * x

    return double


def test_a_right_answer_is_praised_and_the_check_keeps_its_name_and_lesson(capsys):
    assert check_double(lambda x: x + x) is None
    assert capsys.readouterr().out == "Right: twice.\n"
    assert check_double.__name__ == "check_double"
    assert check_double.lesson == 3
    assert check_double.__doc__ == "`double(x)` is twice x."


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x: x, "^that is not twice x.$"),
        (lambda x: x.mul_(2), "^x has changed.$"),
        (none_from(2), "^the second call gives None.$"),
    ],
)
def test_a_wrong_answer_gets_one_sentence(wrong, says, capsys):
    with pytest.raises(WrongAnswer, match=says):
        check_double(wrong)
    assert capsys.readouterr().out == ""


def test_none_is_not_tried_on_the_first_call_or_on_each(capsys):
    check_double(none_from(1))
    exercise(lesson=3, each_call=True)(check_double.__wrapped__)(none_from(2))
    assert capsys.readouterr().out == 2 * "Not tried yet: `double` returns None.\n"


def test_in_strict_mode_an_error_of_the_readers_own_goes_through():
    with pytest.raises(ZeroDivisionError):
        check_double(lambda x: 1 / 0)


def test_in_strict_mode_an_answer_that_a_check_cannot_use_is_wrong_and_keeps_its_cause():
    with pytest.raises(WrongAnswer, match="`<lambda>` returns something that the check cannot use") as raised:
        check_double(lambda x: "two")
    assert isinstance(raised.value.__cause__, TypeError)


@pytest.fixture
def lenient(monkeypatch):
    monkeypatch.delenv("LTHLIB_STRICT")


@pytest.mark.parametrize("value", ["", "0"])
def test_strict_mode_can_be_switched_off(value, monkeypatch, capsys):
    monkeypatch.setenv("LTHLIB_STRICT", value)
    check_double(lambda x: x)
    assert capsys.readouterr().out == "Not yet: that is not twice x.\n"


def test_without_strict_mode_a_wrong_answer_is_one_line_and_the_check_knows(lenient, capsys):
    check_double(lambda x: x)
    assert capsys.readouterr().out == "Not yet: that is not twice x.\n" and check_double.right is False
    check_double(lambda x: 2 * x)
    assert capsys.readouterr().out == "Right: twice.\n" and check_double.right is True
    check_double(lambda x: None)
    assert "Not tried yet" in capsys.readouterr().out and check_double.right is False


def inner(x):
    return x.double_it()


def outer(x):
    return inner(x)


def test_an_error_of_the_readers_is_one_line_that_quotes_the_line(lenient, capsys):
    check_double(outer)
    number = inner.__code__.co_firstlineno + 1
    said = f"Not yet: line {number} of the cell, `return x.double_it()`, raises AttributeError: "
    assert capsys.readouterr().out.startswith(said)
    exec("def typed(x):\n    return x[5]", space := {"torch": torch})
    check_double(space["typed"])
    out = capsys.readouterr().out
    assert out.startswith("Not yet: `typed`, in line 2 of the cell, raises IndexError: ") and out.count("\n") == 1
    check_double(len)  # no Python code, so no line of it
    assert capsys.readouterr().out.startswith("Not yet: `len` returns something that the check cannot use (TypeError: ")


def test_in_a_notebook_a_line_has_a_sign_beside_its_colour(lenient, monkeypatch):
    displayed = []
    monkeypatch.setattr("lthlib.lessons.shown.display", displayed.append)
    for answer in (lambda x: 2 * x, lambda x: x < 3, lambda x: None):
        check_double(answer)
    pages = [shown._repr_html_() for shown in displayed]
    for page, sign, word in zip(pages, "✓✗○", ("Right", "Not yet", "Not tried yet")):
        assert sign in page and f"{word}:</b>" in page and 'role="status"' in page and "\n" not in page
        assert not re.search(r"[^-]color: ", page), "text keeps the colour of the page"


def test_ipython_shows_a_wrong_answer_as_its_sentence_alone():
    shell = InteractiveShell()
    with capture_output() as captured:
        shell.run_cell("from lthlib.exercises.checking import WrongAnswer\nraise WrongAnswer('that is not twice x.')")
    assert captured.stdout.strip() == "WrongAnswer: that is not twice x."


def test_copies_are_deep_and_gradients_still_arrive():
    given = {"a": [torch.ones(2), np.ones(2)], "b": pd.DataFrame({"c": [1, 2]})}
    copy = copied(given)
    copy["a"][0].zero_(), copy["a"][1].fill(0), copy["b"].insert(0, "d", 0), copy["a"].append(3)
    assert len(given["a"]) == 2
    assert given["a"][0].tolist() == given["a"][1].tolist() == [1, 1]
    assert given["b"].columns.tolist() == ["c"]
    learns = torch.ones(2, requires_grad=True)
    assert copied(learns) is learns


def test_tensors_are_compared_entry_by_entry():
    one = {"a": torch.ones(2)}
    assert same(one, {"a": torch.ones(2)})
    assert same([one, one], [one, one])
    assert not same(one, {"a": torch.zeros(2)})
    assert not same(one, {})
    assert not same([one], [one, one])


@pytest.mark.parametrize("wrong", [torch.full((2, 2), 0.5), torch.ones(2), None, [True]])
def test_a_mask_has_the_shape_and_zeros_and_ones(wrong):
    need_mask(torch.eye(2), torch.zeros(2, 2))
    with pytest.raises(WrongAnswer, match="only True and False"):
        need_mask(wrong, torch.zeros(2, 2))
