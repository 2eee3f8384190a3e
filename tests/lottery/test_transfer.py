"""Related tasks: what is changed, and what is not."""

import pytest
import torch

from lthlib import hunt, tasks
from lthlib.core.errors import LotteryError
from lthlib.lottery import transfer
from lthlib.tasks import find_task

SPLITS = ("train", "validation", "test")


def columns(task, split):
    """What each input is over all examples of a split: so many tuples."""
    return [tuple(column.tolist()) for column in getattr(task.dataset, split).inputs.flatten(1).T]


@pytest.mark.parametrize("name", ["lenet-mnist1d", "lenet-digits"])
def test_a_permuted_task_has_the_same_numbers_in_other_places(name):
    task, other = find_task(name), transfer.permuted(name, seed=1)
    for split in SPLITS:
        assert torch.equal(getattr(other.dataset, split).targets, getattr(task.dataset, split).targets)
        assert sorted(columns(other, split)) == sorted(columns(task, split)) and columns(other, split) != columns(task, split)
    assert other.dataset.input_shape == task.dataset.input_shape
    again, different = transfer.permuted(task, seed=1), transfer.permuted(task, seed=2)
    assert torch.equal(again.dataset.test.inputs, other.dataset.test.inputs)
    assert not torch.equal(different.dataset.test.inputs, other.dataset.test.inputs)
    assert other.name == f"{name}-permuted1" and other.fingerprint()


def test_it_is_as_hard_for_a_fully_connected_network():
    task, other = find_task("lenet-mnist1d"), transfer.permuted("lenet-mnist1d")
    before = columns(task, "train")
    order = [before.index(column) for column in columns(other, "train")]
    assert sorted(order) == list(range(40)) and order != sorted(order)
    network, moved = task.build(), task.build()
    moved.load_state_dict({**network.state_dict(), "fc1.weight": network.fc1.weight[:, order]})
    with torch.no_grad():
        assert torch.allclose(moved(other.dataset.test.inputs), network(task.dataset.test.inputs), atol=1e-5)


def test_a_noisy_task():
    task = find_task("lenet-mnist1d")
    other, sigma = transfer.noisy(task, 0.5), float(task.dataset.train.inputs.std())
    noise = {split: getattr(other.dataset, split).inputs - getattr(task.dataset, split).inputs for split in SPLITS}
    for split in SPLITS:
        assert float(noise[split].std()) == pytest.approx(0.5 * sigma, rel=0.03)
        assert abs(float(noise[split].mean())) < 0.02 * sigma
    assert not torch.allclose(noise["train"][:50], noise["test"][:50]), "each split has its own"
    assert torch.equal(transfer.noisy(task, 0).dataset.train.inputs, task.dataset.train.inputs)
    for wrong in (-0.1, float("nan"), "much", True):
        with pytest.raises(LotteryError, match="scale is"):
            transfer.noisy(task, wrong)


@pytest.mark.parametrize("name", ["transformer-grammar", "vae-digits"])
def test_not_every_task_has_relatives(name):
    with pytest.raises(LotteryError, match=f"task '{name}' has other inputs than measurements, or no classes"):
        transfer.permuted(name)


def test_masks_are_transferred_from_a_relative():
    options = {"levels": 1, "trials": 1, "iterations": 10, "rate": 0.5, "progress": False}
    source = hunt(transfer.permuted("lenet-digits"), **options)
    table = hunt("lenet-digits", schedule="transferred", source=source, **options)
    assert table[table.level == 1].density.iloc[0] == source[source.level == 1].density.iloc[0]
    assert set(source.task) == {"lenet-digits-permuted0"} and "lenet-digits-permuted0" not in tasks.TASKS
