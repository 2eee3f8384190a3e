"""Calibration error, reliability bins, the error by chance and the temperature, each found in another way as well."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import lthlib
from lthlib import data, tasks
from lthlib.analysis import calibration
from lthlib.core.errors import LotteryError


def made_up(count=600, classes=4, spread=3.0, seed=0):
    """Logits, and labels that follow them less surely than they say."""
    generator = torch.Generator().manual_seed(seed)
    outputs = spread * torch.randn(count, classes, generator=generator)
    return outputs, torch.multinomial((outputs / 2).softmax(1), 1, generator=generator)[:, 0]


def by_hand(confidence, right, count):
    """The error in bins of one width, by a loop over examples."""
    sums = {}
    for p, hit in zip(confidence, right):
        place = next(k for k in range(count) if p <= (k + 1) / count + 1e-12)
        sums.setdefault(place, []).append((p, hit))
    total = 0.0
    for members in sums.values():
        mean_p, accuracy = (sum(column) / len(members) for column in zip(*members))
        total += len(members) / len(confidence) * abs(accuracy - mean_p)
    return total


def test_six_predictions_by_hand():
    confidence, right = np.array([0.55, 0.58, 0.91, 0.95, 0.99, 0.97]), np.array([1, 0, 1, 1, 0, 1])
    table = calibration.bins(confidence, right, 10)
    assert table.examples.tolist() == [2, 4] and table.accuracy.tolist() == [0.5, 0.75]
    assert table.low.tolist() == pytest.approx([0.5, 0.9]) and table.confidence.tolist() == pytest.approx([0.565, 0.955])
    expected = (2 * abs(0.5 - 0.565) + 4 * abs(0.75 - 0.955)) / 6
    assert calibration.calibration_error(confidence, right, 10) == pytest.approx(expected)
    mass = calibration.bins(confidence, right, 3, "mass")
    assert mass.examples.tolist() == [2, 2, 2] and mass.accuracy.tolist() == [0.5, 1.0, 0.5]
    assert calibration.calibration_error(confidence, right, 3, "mass") == pytest.approx((0.065 + 0.07 + 0.48) / 3)


@pytest.mark.parametrize("count", [1, 7, 15])
def test_bins_of_one_width_are_those_of_a_loop(count):
    confidence, right = calibration.confidences(*made_up())
    assert calibration.calibration_error(confidence, right, count) == pytest.approx(by_hand(confidence, right, count))


def test_bins_of_equal_mass_are_those_of_an_array_split():
    confidence, right = calibration.confidences(*made_up(count=603))
    order = np.argsort(confidence)
    groups = np.array_split(order, 9)  # 603 / 9 = 67, without a remainder
    expected = sum(len(g) * abs(right[g].mean() - confidence[g].mean()) for g in groups) / 603
    assert calibration.calibration_error(confidence, right, 9, "mass") == pytest.approx(expected)


def test_one_bin_is_the_distance_between_accuracy_and_mean_confidence():
    outputs, targets = made_up()
    confidence, right = calibration.confidences(outputs, targets)
    for kind in calibration.KINDS:
        error = calibration.calibration_error(confidence, right, 1, kind)
        assert error == pytest.approx(abs(right.mean() - confidence.mean()))
    measured = calibration.measure(outputs, targets)
    assert measured.overconfidence == pytest.approx(confidence.mean() - right.mean())
    assert measured.by_width >= abs(measured.overconfidence) - 1e-12


def test_equal_confidences_stay_together_in_any_order():
    """1,000 predictions at 0.9 of which 600 are right are 0.3 off, however they are listed."""
    confidence, right = np.full(1000, 0.9), np.arange(1000) < 600
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(1000)
        assert calibration.calibration_error(confidence, right[order], 10, "mass") == pytest.approx(0.3)
    assert len(calibration.bins(confidence, right, 10, "mass")) == 1


def test_edges_belong_to_the_bin_below():
    table = calibration.bins(np.array([0.0, 0.1, 0.1001, 1.0]), np.ones(4), 10)
    assert table.examples.tolist() == [2, 1, 1] and table.high.tolist() == pytest.approx([0.1, 0.2, 1.0])


def test_the_error_by_chance_is_that_of_a_binomial():
    """In one bin of n predictions at p, the mean of |k / n - p| over the binomial distribution."""
    from scipy.stats import binom

    n, p = 40, 0.8
    expected = sum(binom.pmf(k, n, p) * abs(k / n - p) for k in range(n + 1))
    mean, most = calibration.error_by_chance(np.full(n, p), 10, draws=4000)
    assert mean == pytest.approx(expected, rel=0.05) and most > mean
    assert calibration.error_by_chance(np.ones(n), 10) == (0.0, 0.0)
    assert calibration.error_by_chance(np.full(4 * n, p), 10, draws=2000)[0] == pytest.approx(expected / 2, rel=0.1)


def test_a_calibrated_network_is_within_what_chance_gives():
    random = np.random.default_rng(5)
    confidence = random.uniform(0.3, 1, 2000)
    right = random.random(2000) < confidence
    for kind in calibration.KINDS:
        mean, most = calibration.error_by_chance(confidence, 10, kind)
        assert calibration.calibration_error(confidence, right, 10, kind) < 1.5 * most and mean < most


def test_the_loss_is_torchs_and_the_temperature_is_where_its_slope_is_zero():
    outputs, targets = made_up()
    assert calibration.loss(outputs, targets) == pytest.approx(float(functional.cross_entropy(outputs, targets)), rel=1e-5)
    temperature = calibration.fit_temperature(outputs, targets)
    inverse = torch.tensor(1 / temperature, dtype=torch.float64, requires_grad=True)
    functional.cross_entropy(outputs.double() * inverse, targets).backward()
    assert abs(float(inverse.grad)) < 1e-4
    grid = [calibration.loss(outputs, targets, t) for t in np.geomspace(0.05, 50, 400)]
    assert calibration.loss(outputs, targets, temperature) <= min(grid) + 1e-9


def test_logits_that_were_multiplied_are_divided_again():
    """Labels drawn from softmax(outputs): their temperature is 1, and k for outputs times k."""
    generator = torch.Generator().manual_seed(3)
    outputs = 1.5 * torch.randn(20_000, 5, generator=generator)
    targets = torch.multinomial(outputs.softmax(1), 1, generator=generator)[:, 0]
    assert calibration.fit_temperature(outputs, targets) == pytest.approx(1, abs=0.03)
    assert calibration.fit_temperature(7 * outputs, targets) == pytest.approx(7, abs=0.21)
    before, after = calibration.measure(7 * outputs, targets), calibration.measure(7 * outputs, targets, 7.0)
    assert after.by_width < 0.02 < before.by_width and after.accuracy == before.accuracy and after.loss < before.loss


def test_where_all_is_right_or_wrong_the_temperature_is_at_its_end():
    outputs = torch.eye(3)
    assert calibration.fit_temperature(outputs, torch.arange(3)) == calibration.COOLEST
    assert calibration.fit_temperature(outputs, (torch.arange(3) + 1) % 3) == calibration.HOTTEST


def test_logits_are_the_networks_own():
    task = tasks.TASKS["lenet-digits"]
    network = task.build()
    outputs = calibration.logits(task, network.state_dict(), "validation")
    assert torch.allclose(outputs, network(task.dataset.validation.inputs), atol=1e-5)
    few = data.Split(task.dataset.test.inputs[:7], task.dataset.test.targets[:7])
    assert calibration.logits(task, network.state_dict(), few).shape == (7, 10)


def test_networks_in_a_table_are_those_that_are_measured_one_by_one():
    task = tasks.TASKS["lenet-digits"]
    states = [{name: 4 * tensor for name, tensor in task.build().state_dict().items()} for _ in range(2)]
    labels = task.dataset.validation.targets
    plain, cooled = calibration.of_networks(task, states), calibration.of_networks(task, states, labels)
    for place, state in enumerate(states):
        outputs, targets = calibration.logits(task, state), task.dataset.test.targets
        hot = calibration.fit_temperature(calibration.logits(task, state, "validation"), labels)
        for row, temperature in ((plain.loc[place], 1.0), (cooled.loc[place], hot)):
            found = calibration.measure(outputs, targets, temperature)
            expected = [100 * found.accuracy, 100 * found.by_width, 100 * found.by_mass, found.loss, temperature]
            assert row[["accuracy", "by_width", "by_mass", "loss", "temperature"]].tolist() == pytest.approx(expected)
            assert row.overconfidence == pytest.approx(row.confidence - row.accuracy)
    assert (cooled.temperature > 1.5).all() and (cooled.loss < plain.loss).all()
    assert cooled.accuracy.tolist() == plain.accuracy.tolist() and plain.by_chance.between(0, 10).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: calibration.bins(np.ones(3), np.ones(2)), "shapes"),
        (lambda: calibration.bins(np.ones(3), np.ones(3), 0), "count"),
        (lambda: calibration.bins(np.ones(3), np.ones(3), 5, "widths"), "width"),
        (lambda: calibration.measure(torch.zeros(3), torch.zeros(3).long()), "logits"),
        (lambda: calibration.logits(lthlib.TASKS["lenet-digits"], {}, "test"), "no weights of task"),
        (lambda: calibration.logits(lthlib.TASKS["lenet-digits"], {}, "tests"), "did you mean 'test'"),
    ],
)
def test_what_cannot_be_measured_is_said(call, says):
    with pytest.raises(LotteryError, match=says):
        call()
