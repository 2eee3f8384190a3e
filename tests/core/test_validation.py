"""core.validation: a caller's values are checked, and come back as Python's own."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least, number, plain
from lthlib.lottery import early_bird, transfer
from lthlib.pruning import registry


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.2), 0.2),
        (np.float16(0.1), 0.1),
        (np.float64(1 / 3), 1 / 3),
        (np.float32(1 / 3), 0.33333334),
        (np.float32("inf"), float("inf")),
        (torch.tensor([0.1, 0.7]), [0.1, 0.7]),
        (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
        (np.uint64(2**63), 2**63),
        (np.bool_(False), False),
        (np.str_("erk"), "erk"),
        (np.array([], dtype=np.float32), []),
        (pd.Index([1, 2]), [1, 2]),
        ("text", "text"),
        (None, None),
    ],
)
def test_plain_is_pythons_own_and_exact(value, expected):
    got = plain(value)
    assert got == expected and type(got) is type(expected)
    json.dumps(got)


def test_checked_numbers_come_back_plain():
    for checked in (at_least("points", np.int32(4), 2), number("alpha", np.float32(0.3), lambda x: x < 1, "less")):
        assert type(checked) in (int, float)
    with pytest.raises(LotteryError, match=r"points is \[4, 5\]"):
        at_least("points", np.array([4, 5]), 2)


def test_noise_of_the_same_scale_is_the_same_data():
    one, other = (transfer.noisy("lenet-digits", scale).dataset.fingerprint() for scale in (0.3, np.float32(0.3)))
    assert one == other


def test_times_in_an_array():
    weights = early_bird.weights_at("lenet-digits", np.array([0, 2]), "smoke", trials=1, progress=False)
    assert list(weights) == [0, 2] and all(type(time) is int for time in weights)


def test_rounds_of_a_criterion(no_criterion_is_left_behind):
    @registry.score(rounds=np.int64(3))
    def mine(weights):
        return {name: weight.abs() for name, weight in weights.items()}

    assert type(mine.rounds) is int and registry.find(np.str_("mine")) is mine
    assert registry.find(["mine"]) is None
