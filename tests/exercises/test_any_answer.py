"""Any answer gets one line: no exercise stops "Run all", no wrong statistic passes by luck, no right way is refused."""

import math
import random
from statistics import fmean, geometric_mean, harmonic_mean, median

import numpy as np
import pandas as pd
import pytest
import torch

from lthlib.exercises import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_10,
    lesson_13,
    lesson_15,
    lesson_17,
)
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import NUMBERS, calls_of, checks_of, solutions_of

CHECKS = [(lesson, check) for lesson in NUMBERS for check in calls_of(lesson).values()]
ODD = {
    "a number": 0.5,
    "a text": "none",
    "a pair of texts": ("a", "b"),
    "an empty list": [],
    "an empty dictionary": {},
    "a tensor": torch.ones(3),
    "NaN": float("nan"),
    "an object": object(),
    "a function": len,
    "a pair of Nones": (None, None),
}


@pytest.fixture
def lenient(monkeypatch):
    monkeypatch.delenv("LTHLIB_STRICT")


@pytest.mark.parametrize(("lesson", "check"), CHECKS)
def test_odd_answers_and_errors_get_one_line_and_stop_nothing(lesson, check, lenient, capsys):
    check = checks_of(lesson)[check]
    for what, odd in ODD.items():
        check(lambda *_, **__: odd)  # noqa: B023
        out = capsys.readouterr().out
        assert out.startswith("Not yet: ") and out.count("\n") == 1 and out.endswith(".\n"), what
        assert not check.right
    check(lambda *_, **__: 1 / 0)
    assert "ZeroDivisionError" in capsys.readouterr().out
    check(lambda: None)  # takes no arguments
    assert "TypeError" in capsys.readouterr().out


@pytest.mark.parametrize("lesson", NUMBERS)
def test_a_solution_leaves_its_check_content(lesson, lenient, capsys):
    for function, check in calls_of(lesson).items():
        check = checks_of(lesson)[check]
        check(solutions_of(lesson)[function])
        assert check.right and capsys.readouterr().out.startswith("Right: ")


def loop(rate, density):
    rounds, left = 0, 1.0
    while left > density:
        rounds, left = rounds + 1, left * (1 - rate)
    return rounds


def powers(rate, density):
    return next(n for n in range(1000) if (1 - rate) ** n <= density)


def prune_in_numpy(weight, mask, rate):
    left, sizes = mask.numpy().ravel().copy(), weight.abs().numpy().ravel()
    survivors = np.flatnonzero(left)
    left[survivors[np.argsort(sizes[survivors])[: round(rate * len(survivors))]]] = False
    return torch.from_numpy(left.reshape(mask.shape))


def prune_by_topk(weight, mask, rate):
    survivors = int(mask.sum())
    size = weight.abs().masked_fill(~mask, -1).flatten()
    kept = size.topk(survivors - round(rate * survivors)).indices
    return torch.zeros(mask.numel()).index_fill(0, kept, 1.0).view_as(weight)


def one_shot_in_rounds(trained, rates, rounds):
    mask = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in trained.items()}
    for _ in range(rounds):
        mask = {name: prune_in_numpy(weight, mask[name], rates[name]) for name, weight in trained.items()}
    return mask


def shuffle_in_numpy(theta_0, mask, seed):
    draw = np.random.default_rng(seed)
    return [theta_0, {n: torch.from_numpy(draw.permutation(m.numpy().ravel()).reshape(m.shape)) for n, m in mask.items()}]


def stop_in_numpy(iterations, loss, accuracy):
    place = int(np.nanargmin(loss))
    return iterations[place], accuracy[place]


def median_of_calls(run, prepare, clock):
    inputs, readings = prepare(), []
    for _ in range(12):
        began = clock()
        run(inputs)
        readings.append(clock() - began)
    return median(readings[1:])


RIGHT = {
    "pruning in numpy": (lesson_01.check_prune, prune_in_numpy),
    "pruning by topk, with a mask of numbers": (lesson_01.check_prune, prune_by_topk),
    "a shuffled mask in numpy, as a list": (lesson_01.check_control, shuffle_in_numpy),
    "one shot in rounds of the same weights": (lesson_02.check_one_shot, one_shot_in_rounds),
    "early stop in numpy": (lesson_04.check_early_stop, stop_in_numpy),
    "names from a generator": (
        lesson_15.check_prunable,
        lambda m: (f"{n}.weight" for n, layer in m.named_modules() if isinstance(layer, torch.nn.Linear)),
    ),
    "the median of many calls": (lesson_13.check_seconds, median_of_calls),
    "new signs on a masked network": (
        lesson_10.check_reinit_signs,
        lambda t, end, m, new: {n: new[n].abs() * w.sign() * m[n] if n in m else w for n, w in t.items()},
    ),
    "rounds by a loop without a tolerance": (lesson_00.check_rounds_needed, loop),
    "rounds by a logarithm": (lesson_00.check_rounds_needed, lambda r, d: math.ceil(math.log(d) / math.log(1 - r))),
    "rounds by numpy": (lesson_00.check_rounds_needed, lambda r, d: np.ceil(np.log(d) / np.log(1 - r))),
    "rounds by powers": (lesson_00.check_rounds_needed, powers),
    "best density by pandas": (lesson_00.check_best_density, lambda a: pd.Series({d: np.mean(v) for d, v in a.items()}).idxmax()),
    "freezing by where": (lesson_01.check_freeze, lambda w, s, m: torch.where(m, w + s, torch.zeros_like(w))),
    "freezing by a masked step": (lesson_01.check_freeze, lambda w, s, m: w * m + s * m.float()),
    "evidence as a list": (
        lesson_03.check_evidence,
        lambda t: [np.mean([part.points.mean() for _, part in t.groupby("trial")]), t.trial.nunique()],
    ),
    "early stop as a list": (lesson_04.check_early_stop, lambda *a: list(solutions_of(4)["at_early_stop"](*a))),
    "a ratio by numpy": (
        lesson_04.check_percent_of,
        lambda t, c, last: [100 * np.mean(t) / np.mean(c), solutions_of(4)["percent_of"](t, c, last)[1]],
    ),
    "fair as lists": (lesson_05.check_fair, lambda runs: {n: list(e) for n, e in solutions_of(5)["fair"](runs).items()}),
}


@pytest.mark.parametrize("way", RIGHT)
def test_another_right_way_is_right(way):
    check, answer = RIGHT[way]
    check(answer)
    assert check.right


STATISTICS = {
    "median": median,
    "largest": max,
    "smallest": min,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "middle of the range": lambda values: (max(values) + min(values)) / 2,
    "geometric mean": geometric_mean,
    "harmonic mean": harmonic_mean,
    "sum": sum,
    "mean without the best": lambda values: fmean(sorted(values)[: max(1, len(values) - 1)]),
    "mean of two drawn": lambda values: fmean(random.Random(0).choices(list(values), k=2)),
}


def evidence_by(statistic, inner, outer):
    def evidence(table):
        by_trial = [((inner and statistic) or fmean)(list(part.points)) for _, part in table.groupby("trial")]
        return ((outer and statistic) or fmean)(by_trial), len(by_trial)

    return evidence


def fair_by(choosing, reporting):
    def fair(runs):
        answers = solutions_of(5)["fair"](runs)
        for name, rates in runs.items():
            finite = [rate for rate in rates if not any(map(math.isnan, rates[rate]["validation"]))]
            best = max(finite, key=lambda rate: choosing(rates[rate]["validation"]))
            answers[name] = best, reporting(rates[best]["test"]), best in (min(rates), max(rates))
        return answers

    return fair


def reported_by(choosing, reporting):
    def reported(validation, test):
        return float(reporting(list(test[max(validation, key=lambda scope: choosing(list(validation[scope])))])))

    return reported


@pytest.mark.parametrize("name", STATISTICS)
def test_no_other_statistic_than_the_mean_passes_by_luck(name):
    other, words = STATISTICS[name], solutions_of(4)["percent_of"]
    paired = [
        (lesson_04.check_percent_of, lambda t, c, last: (100 * other(t) / other(c), words(t, c, last)[1])),
        (lesson_17.check_reported, reported_by(other, fmean)),
    ]  # with equally many trials a sum decides as a mean does
    for check, wrong in (
        (lesson_00.check_best_density, lambda a: max(a, key=lambda density: other(a[density]))),
        (lesson_03.check_evidence, evidence_by(other, True, False)),
        (lesson_03.check_evidence, evidence_by(other, False, True)),
        (lesson_05.check_fair, fair_by(other, fmean)),
        (lesson_05.check_fair, fair_by(fmean, other)),
        (lesson_17.check_reported, reported_by(fmean, other)),
        *(paired if name != "sum" else []),
    ):
        if name in ("geometric mean", "harmonic mean") and check is lesson_03.check_evidence:
            continue  # not defined for differences of zero
        with pytest.raises((WrongAnswer, ZeroDivisionError)):
            check(wrong)
