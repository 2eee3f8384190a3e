"""The exercises of lesson 4: wrong answers are told why."""

import pytest

from lthlib.exercises import lesson_04 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(4)


def first_rise(iterations, loss, accuracy):
    place = next((i - 1 for i in range(1, len(loss)) if loss[i] > loss[i - 1]), len(loss) - 1)
    return iterations[place], accuracy[place]


def best_test(iterations, loss, accuracy):
    place = accuracy.index(max(accuracy))
    return iterations[place], accuracy[place]


def last_tie(iterations, loss, accuracy):
    place = max(i for i in range(len(loss)) if loss[i] == min(loss))
    return iterations[place], accuracy[place]


def with_nan(iterations, loss, accuracy):
    place = next((i for i, value in enumerate(loss) if value != value), loss.index(min(loss)))
    return iterations[place], accuracy[place]


def never_last(iterations, loss, accuracy):
    return SOLUTIONS["at_early_stop"](iterations[:-1], loss[:-1], accuracy)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (first_rise, "first rise"),
        (best_test, "test data choose nothing"),
        (lambda iterations, loss, accuracy: (loss.index(min(loss)), max(accuracy)), "place in the list"),
        (lambda i, loss, a: (i[loss.index(min(loss))], max(a)), "one iteration"),
        (lambda iterations, loss, accuracy: (100, 0.6), "not 100"),
        (lambda iterations, loss, accuracy: 150, "two things"),
        (last_tie, "tie"),
        (with_nan, "NaN"),
        (never_last, "still be improving"),
    ],
)
def test_wrong_early_stops_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_early_stop(wrong)


def ratio(ticket, control):
    return 100 * sum(ticket) / sum(control)


def only_controls(ticket, control, last):
    return ratio(ticket, control), "at most" if last in control else "exactly"


def one_or_the_other(ticket, control, last):
    return ratio(ticket, control), "at least" if last in ticket else "at most" if last in control else "exactly"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, control, last: (ratio(control, ticket), "exactly"), "other way round"),
        (lambda ticket, control, last: (ratio(ticket, control) / 100, "exactly"), "in percent"),
        (lambda t, c, last: (sum(100 * a / b for a, b in zip(t, c)) / len(t), "exactly"), "divide the mean"),
        (lambda ticket, control, last: (100 * ticket[0] / control[0], "exactly"), "not 150"),
        (lambda ticket, control, last: (ratio(ticket, control), "at most"), "no bound"),
        (lambda ticket, control, last: (ratio(ticket, control), "exactly"), "'at most'"),
        (only_controls, "'at least'"),
        (one_or_the_other, "unknown"),
        (lambda ticket, control, last: SOLUTIONS["percent_of"](ticket, control, 1500), "`last`"),
        (lambda ticket, control, last: ratio(ticket, control), "two things"),
    ],
)
def test_wrong_ratios_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_percent_of(wrong)
