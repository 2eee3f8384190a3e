"""What every check gets from the decorator: copies, and one sentence on what is right, wrong or not tried."""

import numpy as np
import pandas as pd
import pytest
import torch

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
    assert capsys.readouterr().out == 2 * "Exercise not tried yet: the function returns None.\n"


def test_an_error_of_the_readers_own_is_shown_as_it_is():
    with pytest.raises(ZeroDivisionError):
        check_double(lambda x: 1 / 0)


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
