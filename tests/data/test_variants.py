"""Data sets with wrong labels, or with fewer examples: what changes, how often, and what never does."""

import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def wrong(noisy, clean, split="train"):
    return getattr(noisy, split).targets != getattr(clean, split).targets


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.9])
def test_exactly_the_share_is_wrong_and_the_rest_is_as_it_was(digits, share):
    noisy = data.noisy_labels(digits, share)
    for split in ("train", "validation"):
        assert int(wrong(noisy, digits, split).sum()) == round(share * len(getattr(digits, split)))
        assert torch.equal(getattr(noisy, split).inputs, getattr(digits, split).inputs)
    assert noisy.test is digits.test and noisy.classes == digits.classes


def test_validation_labels_may_stay_clean(digits):
    noisy = data.noisy_labels(digits, 0.4, validation=False)
    assert noisy.validation is digits.validation and wrong(noisy, digits).any()
    assert torch.equal(noisy.train.targets, data.noisy_labels(digits, 0.4).train.targets)


def test_every_other_class_is_as_likely():
    """Of 90,000 labels of class 3, each of the other nine classes gets a ninth: within five standard deviations."""
    inputs, labels = torch.zeros(90_000, 1), torch.full((90_000,), 3)
    labels[0] = 9  # so that there are ten classes
    split = data.Split(inputs, labels)
    noisy = data.noisy_labels(data.Dataset("threes", split, split, split), 0.999)
    counts = noisy.train.targets.bincount(minlength=10).float()
    assert counts[3] <= 91
    others = counts[[0, 1, 2, 4, 5, 6, 7, 8, 9]]
    assert (others - 90_000 * 0.999 / 9).abs().max() < 5 * 94.3


def test_a_seed_draws_once_and_another_draws_anew(digits):
    first, again, other = (data.noisy_labels(digits, 0.3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.train.targets, again.train.targets)
    assert not torch.equal(first.train.targets, other.train.targets)
    assert first.fingerprint() == again.fingerprint() != other.fingerprint() != digits.fingerprint()


def test_the_original_is_not_written_into(digits):
    before = digits.fingerprint()
    data.noisy_labels(digits, 0.5)
    data.fewer_examples(digits, 50)
    assert digits.fingerprint() == before


@pytest.mark.parametrize("count", [10, 100, 333])
def test_fewer_examples_have_each_class_at_its_share(digits, count):
    few = data.fewer_examples(digits, count)
    assert len(few.train) == count and few.test is digits.test and few.validation is digits.validation
    expected = digits.train.targets.bincount() * count / len(digits.train)
    assert (few.train.targets.bincount(minlength=10) - expected).abs().max() <= 1


def test_fewer_examples_are_some_of_the_same_in_order_and_nested(digits):
    rows = {tuple(row.flatten().tolist()): place for place, row in enumerate(digits.train.inputs)}
    places = {}
    for count in (40, 200):
        few = data.fewer_examples(digits, count)
        places[count] = [rows[tuple(row.flatten().tolist())] for row in few.train.inputs]
        assert places[count] == sorted(places[count])
        assert torch.equal(few.train.targets, digits.train.targets[places[count]])
    assert set(places[40]) <= set(places[200])
    assert data.fewer_examples(digits, len(digits.train)).train.inputs.equal(digits.train.inputs)
    assert data.fewer_examples(digits, 40, seed=1).fingerprint() != data.fewer_examples(digits, 40).fingerprint()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda digits: data.noisy_labels(digits, 1.0), "share is 1.0"),
        (lambda digits: data.noisy_labels(digits, -0.1), "share is -0.1"),
        (lambda digits: data.fewer_examples(digits, 0), "count"),
        (lambda digits: data.fewer_examples(digits, 5000), "has 1192 training examples"),
        (lambda digits: data.noisy_labels(data.load("digits-pixels"), 0.1), "no class numbers"),
    ],
)
def test_what_cannot_be_made_is_said(digits, make, says):
    with pytest.raises(LotteryError, match=says):
        make(digits)


def test_one_class_has_no_wrong_label():
    split = data.Split(torch.zeros(3, 1), torch.zeros(3).long())
    with pytest.raises(LotteryError, match="one class"):
        data.noisy_labels(data.Dataset("zeros", split, split, split), 0.5)
