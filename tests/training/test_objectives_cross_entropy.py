"""CrossEntropy with class weights, padding and smoothing: its means are torch's, in training and in measurements."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import engine, objectives, stack
from lthlib.training.engine import Ticket
from lthlib.training.objectives import CrossEntropy
from lthlib.training.randomness import batch_order

CPU = torch.device("cpu")
CLASSES, LENGTH = 4, 5
OPTIONS = {
    "plain": {},
    "weights": {"class_weights": (0.5, 3.0, 1.0, 0.1)},
    "padding": {"ignore_index": 0},
    "smoothing": {"label_smoothing": 0.2},
    "all": {"class_weights": (0.5, 3.0, 1.0, 0.1), "ignore_index": -100, "label_smoothing": 0.2},
}


def torchs(outputs, targets, options):
    """The mean of torch's own cross-entropy, over all labels at once."""
    named = dict(options)
    weights = named.pop("class_weights", None)
    weights = None if weights is None else torch.tensor(weights, dtype=outputs.dtype)
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), weights, **named)


def padded(count, ignore, seed=0, length=LENGTH):
    """Token targets [count, length] of which the ends are padding, some windows wholly."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(1 if ignore == 0 else 0, CLASSES, (count, length), generator=generator)
    lengths = torch.randint(0, length + 1, (count,), generator=generator)
    return targets.masked_fill(torch.arange(length) >= lengths[:, None], ignore)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("shape", [(30,), (30, LENGTH)])
def test_the_mean_over_a_batch_is_torchs(name, shape):
    options = OPTIONS[name]
    ignore = options.get("ignore_index", -100)
    targets = padded(30, ignore, length=shape[-1] if len(shape) > 1 else 1).view(shape)
    outputs = torch.randn(*shape, CLASSES, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    ours, theirs = objectives.mean_loss(CrossEntropy(**options), outputs, targets), torchs(outputs, targets, options)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)  # weights are float32
    gradients = (torch.autograd.grad(loss, outputs, retain_graph=True)[0] for loss in (ours, theirs))
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-12)


def test_without_options_it_is_classification_bit_for_bit():
    outputs, targets = torch.randn(50, CLASSES), torch.randint(0, CLASSES, (50,))
    for ours, theirs in zip(CrossEntropy()(outputs, targets), objectives.classification(outputs, targets)):
        assert torch.equal(ours, theirs)


def test_an_example_by_hand():
    outputs = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [9.0, 0.0]], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    targets = torch.tensor([[0, 0, 7], [7, 7, 7]])
    objective = CrossEntropy(ignore_index=7)
    losses, scores = objective(outputs, targets)
    e = torch.e
    first, second = torch.log(torch.tensor(1 + e**-2)), torch.log(torch.tensor(1 + e))
    assert losses.tolist() == pytest.approx([(first + second).item() / 2, 0.0]), "the third label is no part of the mean"
    assert scores.tolist() == [0.5, 0.0]
    assert [weights.tolist() for weights in objective.weigh(targets)] == [[2.0, 0.0], [2.0, 0.0]]
    assert [weights.tolist() for weights in CrossEntropy((3, 1), 7).weigh(targets)] == [[6.0, 0.0], [2.0, 0.0]]


def sentences(ignore=0, count=600):
    """Padded tokens with a target each, as float64 numbers for a linear network."""
    targets = padded(count, ignore)
    inputs = torch.randn(count, LENGTH, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ends = [0, count // 2, count * 3 // 4, count]
    splits = [data.Split(inputs[a:b].clone(), targets[a:b].clone()) for a, b in zip(ends, ends[1:])]
    return data.Dataset("sentences", *splits)


def build():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, CLASSES)).double()


def tickets():
    made = []
    for seed in (0, 1):
        theta, weights = models.initial_weights(build, seed), models.prunable(build())
        scores = {name: theta[name].abs() for name in weights}
        made.append(Ticket(theta, masks.prune(masks.ones(weights), scores, 0.3), order_seed=seed))
    return made


@pytest.mark.parametrize("size", [None, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_training_is_a_plain_loop_with_torchs_mean(name, size):
    """Batches of two, so that in some nothing is counted, and these move nothing."""
    options = OPTIONS[name]
    ignore = options.get("ignore_index", -100)
    dataset, recipe = sentences(ignore), Recipe("sgd", 0.1, batch_size=2, iterations=60, evaluate_every=30)
    told = {"model": build(), "objective": CrossEntropy(**options), "device": "cpu", "workers": 1, "stack": size}
    trained, empty = dict(engine.train(tickets(), recipe, dataset, **told)), 0
    for index, ticket in enumerate(tickets()):
        network = build()
        network.load_state_dict(masks.apply(ticket.mask, ticket.weights))
        for batch in batch_order(len(dataset.train), 2, ticket.order_seed, 0, 60):
            targets = dataset.train.targets[batch]
            if (targets == ignore).all():
                empty += 1
                continue
            network.zero_grad()
            torchs(network(dataset.train.inputs[batch]), targets, options).backward()
            for key, parameter in network.named_parameters():
                parameter.data -= 0.1 * parameter.grad * ticket.mask.get(key, torch.tensor(1))
        for key, tensor in network.state_dict().items():
            torch.testing.assert_close(trained[index].weights[key], tensor, rtol=1e-6, atol=1e-8)
    assert empty, "some batches have nothing to count"


@pytest.mark.parametrize("name", OPTIONS)
def test_measurements_are_means_over_all_counted_labels_of_a_split(name, monkeypatch):
    monkeypatch.setattr(stack, "EVALUATION_BATCH", 7)  # chunks of unlike numbers of counted labels
    options = OPTIONS[name]
    ignore = options.get("ignore_index", -100)
    dataset = sentences(ignore)
    made = stack.Stack(build(), tickets(), Recipe(batch_size=2), dataset.train, CPU, CrossEntropy(**options))
    losses, accuracies = made.measure(dataset.test)
    for index, ticket in enumerate(tickets()):
        network = build()
        network.load_state_dict(masks.apply(ticket.mask, ticket.weights))
        outputs, targets = network(dataset.test.inputs), dataset.test.targets
        counted = targets != ignore
        right = (outputs.argmax(2) == targets)[counted].double().mean().item()
        assert losses[index].item() == pytest.approx(torchs(outputs, targets, options).item(), rel=1e-7)
        assert accuracies[index].item() == pytest.approx(right, rel=1e-7)


class ByDistance:
    """An objective of a user's, in which targets far from zero count more. `weights` is no method of an objective."""

    def __init__(self):
        self.weights = torch.ones(3)

    def __call__(self, outputs, targets):
        losses = (outputs.squeeze(1) - targets.squeeze(1)).square()
        return losses, (losses < 1).float()


class Weighed(ByDistance):
    def weigh(self, targets):
        sizes = targets.squeeze(1).abs()
        return sizes, sizes


def test_an_objective_of_ones_own_may_weigh_too():
    outputs, targets = torch.randn(40, 1), torch.randn(40, 1)
    losses = ByDistance()(outputs, targets)[0]
    torch.testing.assert_close(objectives.mean_loss(ByDistance(), outputs, targets), losses.mean())
    weighed = (losses * targets[:, 0].abs()).sum() / targets.abs().sum()
    torch.testing.assert_close(objectives.mean_loss(Weighed(), outputs, targets), weighed)


def test_workers_take_it(monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0.0)
    dataset, recipe = sentences(), Recipe(batch_size=20, iterations=10, evaluate_every=5)
    objective = CrossEntropy([1, 2, 3, 4], ignore_index=0)
    assert pickle.loads(pickle.dumps(objective)) == objective
    told = {"model": build(), "objective": objective, "device": "cpu"}
    together, alone = (dict(engine.train(tickets(), recipe, dataset, workers=count, **told)) for count in (2, 1))
    assert all(together[index].history == alone[index].history for index in (0, 1))


def task_with(objective, targets=None, outputs=CLASSES, name="own"):
    made = sentences()
    if targets is not None:
        made = dataclasses.replace(made, test=data.Split(made.test.inputs[: len(targets)], targets))
    splits = {name: data.Split(split.inputs.float(), split.targets) for name, split in vars(made).items() if name != "name"}
    return lthlib.Task(name, data.Dataset("sentences", **splits), lambda _: nn.Linear(6, outputs), objective)


def test_the_fingerprint_sees_its_options():
    kinds = [{}, {"class_weights": (1, 2, 3, 4)}, {"ignore_index": 0}, {"label_smoothing": 0.1}]
    assert len({task_with(CrossEntropy(**options)).fingerprint() for options in kinds}) == 4
    same = ([1, 2, 3, 4], (1.0, 2.0, 3.0, 4.0), np.arange(1, 5), torch.arange(1, 5))
    assert len({task_with(CrossEntropy(weights)).fingerprint() for weights in same}) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"class_weights": 3}, "class_weights is 3: give a number for each class"),
        ({"class_weights": (1, -1)}, r"class_weights is \[1.0, -1.0\]: give numbers of 0 or more"),
        ({"class_weights": (0, 0)}, "one of them above 0"),
        ({"class_weights": (1, float("nan"))}, "give numbers of 0 or more"),
        ({"ignore_index": 1.5}, "ignore_index is 1.5: give a whole number"),
        ({"label_smoothing": 1}, "label_smoothing is 1: give a share"),
    ],
)
def test_bad_options_are_one_sentence(options, says):
    with pytest.raises(LotteryError, match=says):
        CrossEntropy(**options)


TEN = torch.ones(10, LENGTH, dtype=torch.long)
LATE = torch.cat([TEN, TEN + 8])  # a label of 9 in the second half of the split
BELOW = torch.cat([TEN, TEN - 2])


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (lambda: task_with(CrossEntropy(), LATE), r"\[N, 5, 10\], or more in the last place"),
        (lambda: task_with(CrossEntropy(), BELOW), r"there is the label -1, but classes .* \(ignore_index is -100\)"),
        (lambda: task_with(CrossEntropy(ignore_index=1), TEN), "no label of this split counts, since all are 1"),
        (lambda: task_with(CrossEntropy((1, 2, 3))), "class_weights has 3 numbers: give one for each of the 4 classes"),
        (lambda: task_with(CrossEntropy(), TEN.float()), "needs targets that are class numbers"),
        (lambda: task_with(CrossEntropy(), outputs=3), r"\[N, 5, 4\], or more"),
    ],
)
def test_labels_that_do_not_fit_are_found_before_training(task, says, tmp_path):
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(task(), "smoke", results=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (lambda: "vae-digits", "label_smoothing is 0.1, but the task's objective has no class labels to smooth: leave it out"),
        (lambda: task_with(CrossEntropy(label_smoothing=0.2)), "smooths by 0.2 itself: choose one of the two"),
    ],
)
def test_smoothing_what_cannot_be_smoothed_is_one_sentence(task, says, tmp_path):
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(task(), "smoke", label_smoothing=0.1, results=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()


def test_the_recipes_smoothing_is_the_objectives():
    for shipped in (objectives.classification, objectives.next_token):
        assert objectives.smoothed(shipped, 0.1) == CrossEntropy(label_smoothing=0.1)
        assert objectives.smoothed(shipped, 0) is shipped
    weighted = CrossEntropy((1, 2), ignore_index=5)
    assert objectives.smoothed(weighted, 0.1) == CrossEntropy((1, 2), 5, 0.1)
