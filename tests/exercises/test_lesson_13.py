"""The exercises of lesson 13: wrong answers are told why."""

import pytest
import torch

from lthlib.exercises import lesson_13 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(13)


def timed(warm=1, calls=9, anew=False, pick=lambda readings: sorted(readings)[len(readings) // 2]):
    """A benchmark that is right, or wrong in what its arguments say."""

    def seconds(run, prepare, clock):
        inputs = prepare()
        for _ in range(warm):
            run(inputs)
        readings = []
        for _ in range(calls):
            began = clock()
            run(prepare() if anew else inputs)
            readings.append(clock() - began)
        return pick(readings)

    return seconds


def in_the_notebook(run, prepare, clock):
    began = clock()
    run(prepare())
    return clock() - began


def of_all_calls(run, prepare, clock):
    inputs = prepare()
    run(inputs)
    began = clock()
    for _ in range(9):
        run(inputs)
    return clock() - began


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (in_the_notebook, "making the inputs"),
        (timed(anew=True), "making the inputs"),
        (timed(warm=0, calls=1), "first call"),
        (timed(warm=1, calls=1), "too few"),
        (timed(pick=lambda readings: sum(readings) / len(readings)), "take the median"),
        (timed(pick=min), "luck"),
        (of_all_calls, "not the time of one call"),
        (lambda run, prepare, clock: 1.0, "what prepare"),
    ],
)
def test_wrong_benchmarks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_seconds(wrong)


def kernels(**wrong):
    return lambda weight, kernel: wrong.get(kernel, SOLUTIONS["done"])(*((weight,) if kernel in wrong else (weight, kernel)))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda weight, kernel: int((weight != 0).sum()), "multiplies zeros"),
        (kernels(csr=torch.numel), "each stored weight"),
        (kernels(**{"2:4": lambda weight: int((weight != 0).sum())}), "two of every four"),
        (kernels(units=lambda weight: int((weight != 0).sum())), "its zeros are multiplied"),
        (kernels(units=lambda weight: int((weight != 0).any(1).sum()) * weight.shape[1]), "rows and columns"),
    ],
)
def test_wrong_counts_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_done(wrong)


def change_in_place(weight1, bias1, weight2, bias2, empty):
    bias2 += weight2[:, empty] @ torch.relu(bias1[empty])
    return weight1[~empty], bias1[~empty], weight2[:, ~empty], bias2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda w1, b1, w2, b2, e: (w1, b1, w2, b2), "3 rows are left"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1, w2, b2), "takes its bias along"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2, b2), "still reads units"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2), "off by a constant"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2 + w2[:, e] @ b1[e]), "relu of them"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2 - w2[:, e] @ b1[e].relu()), "outputs differ"),
        (lambda w1, b1, w2, b2, e: w1[~e], "four things"),
        (change_in_place, "argument has changed"),
    ],
)
def test_wrong_removals_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_remove(wrong)
