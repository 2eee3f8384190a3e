"""Losses and scores against plain torch, by hand, and against torch.distributions; what is said where a network does not fit."""

import functools

import pytest
import torch
from torch import distributions, nn
from torch.nn import functional

import lthlib
from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import engine, objectives
from lthlib.training.engine import Ticket
from lthlib.training.randomness import batch_order
from lthlib.training.stack import Stack

CPU = torch.device("cpu")


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_classification_is_cross_entropy_bit_for_bit():
    outputs, targets = draw(5, 7).requires_grad_(), torch.tensor([0, 6, 3, 3, 1])
    losses, scores = objectives.classification(outputs, targets)
    plain = functional.cross_entropy(outputs, targets, reduction="none")
    assert torch.equal(losses, plain) and scores.tolist() == (outputs.argmax(1) == targets).tolist()
    ours, theirs = (torch.autograd.grad(x.sum(), outputs)[0] for x in (losses, plain))
    assert torch.equal(ours, theirs)


def test_training_as_before_ends_in_the_same_bits(blobs):
    """The very operations of the engine before there were objectives, written out."""
    network, recipe = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), Recipe(iterations=25, batch_size=16)
    theta = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    mask = masks.prune(masks.ones(models.prunable(network)), models.prunable(network), 0.3)
    [(_, ours)] = engine.train([Ticket(theta, mask, 7)], recipe, blobs, model=network, device="cpu")
    network.load_state_dict(masks.apply(mask, theta))
    stepper = torch.optim.Adam(network.parameters(), recipe.learning_rate, fused=True)
    for batch in batch_order(len(blobs.train), 16, 7, 0, 25):
        stepper.zero_grad()
        found = functional.cross_entropy(network(blobs.train.inputs[batch]), blobs.train.targets[batch], reduction="none")
        found.view(1, -1).mean(1).sum().backward()
        stepper.step()
        for name, kept in mask.items():
            network.get_parameter(name).data.mul_(kept)
    for name, tensor in network.state_dict().items():
        assert torch.equal(ours.weights[name], tensor)


def test_next_token_by_hand():
    outputs = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]]])
    losses, scores = objectives.next_token(outputs, torch.tensor([[0, 1]]))
    e = torch.e
    first, second = -torch.log(torch.tensor(e**2 / (e**2 + 2))), -torch.log(torch.tensor(e / (1 + e + e**3)))
    assert losses.item() == pytest.approx(((first + second) / 2).item(), rel=1e-6) and scores.tolist() == [0.5]


def test_the_divergence_is_torchs():
    mean, log_variance = draw(6, 4), draw(6, 4, seed=1)
    code = distributions.Normal(mean, (log_variance / 2).exp())
    expected = distributions.kl_divergence(code, distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(objectives.divergence(mean, log_variance), expected)


def test_the_bound_is_in_nats_per_image():
    pixels, codes = 9, 2
    outputs, targets = draw(5, pixels + 2 * codes), torch.rand(5, pixels, generator=torch.Generator().manual_seed(2))
    losses, scores = objectives.autoencoder(outputs, targets)
    logits, mean, log_variance = outputs[:, :9], outputs[:, 9:11], outputs[:, 11:]
    bernoulli = distributions.ContinuousBernoulli(logits=logits)  # its log-probability has a normaliser that ours has not
    picture = -(bernoulli.log_prob(targets) - bernoulli._cont_bern_log_norm()).sum(1)
    code = distributions.Independent(distributions.Normal(mean, (log_variance / 2).exp()), 1)
    prior = distributions.Independent(distributions.Normal(torch.zeros(2), torch.ones(2)), 1)
    torch.testing.assert_close(losses, picture + distributions.kl_divergence(code, prior), rtol=1e-4, atol=1e-4)
    assert scores[0].item() == pytest.approx(((logits[0].sigmoid() > 0.5) == (targets[0] >= 0.5)).float().mean().item())
    for part, expected in zip(objectives.parts(outputs, pixels), (logits, mean, log_variance)):
        assert torch.equal(part, expected)


def tokens(count=8, length=5, vocabulary=4):
    numbers = torch.randint(0, vocabulary, (count, length + 1), generator=torch.Generator().manual_seed(1))
    return data.from_arrays("tokens", numbers[:, :-1], numbers[:, 1:], numbers[:2, :-1], numbers[:2, 1:], classes=False)


def reader(vocabulary=4, outputs=4):
    return lambda _: nn.Sequential(nn.Embedding(vocabulary, 6), nn.Linear(6, outputs))


def squared(outputs, targets):
    losses = (outputs - targets).square().mean(1)
    return losses, (losses < 1).float()


def numbers():
    x = draw(60, 3)
    return data.from_arrays("sums", x[:40], x[:40].sum(1, keepdim=True), x[40:], x[40:].sum(1, keepdim=True), classes=False)


def test_an_objective_of_ones_own_is_trained_and_scored():
    task = lthlib.Task("sums-own", numbers(), lambda _: nn.Linear(3, 1), squared)
    table = lthlib.hunt(
        task, "smoke", levels=1, trials=1, iterations=200, learning_rate=0.05, batch_size=20, controls="reinit", progress=False
    )
    dense = table[(table.level == 0) & (table.split == "test")]
    assert dense.loss.min() < 0.01 and dense.accuracy.max() == 1, "a linear network learns a sum"


def test_stack_measures_the_mean_over_the_split():
    dataset, network = tokens(), reader()(None)
    ticket = Ticket(dict(network.state_dict()), masks.ones(models.prunable(network)), 0)
    stack = Stack(network, [ticket] * 2, Recipe(batch_size=4, iterations=2), dataset.train, CPU, objectives.next_token)
    losses, scores = stack.measure(dataset.train)
    logits = network(dataset.train.inputs)
    expected = functional.cross_entropy(logits.flatten(0, 1), dataset.train.targets.flatten())
    assert losses.tolist() == pytest.approx([expected.item()] * 2, rel=1e-6)
    assert scores.tolist() == pytest.approx([(logits.argmax(2) == dataset.train.targets).float().mean().item()] * 2)


def images():
    x = torch.rand(30, 6, generator=torch.Generator().manual_seed(3))
    return data.from_arrays("noise", x[:20], x[:20], x[20:], x[20:], classes=False)


def bad(outputs, targets):
    return outputs.mean(), 0


@pytest.mark.parametrize(
    ("dataset", "model", "objective", "says"),
    [
        (tokens, reader(outputs=3), objectives.next_token, r"gives \[2, 5, 3\] .*needs \[2, 5, 4\] or more in the last place"),
        (tokens, reader(), objectives.classification, r"gives \[2, 5, 4\] for 2 train examples: .*number for every class"),
        (images, lambda _: nn.Linear(6, 6), objectives.autoencoder, "logit for every one of the 6 pixels, then the means"),
        (images, lambda _: nn.Linear(6, 9), objectives.autoencoder, "equally many"),
        (images, lambda _: nn.Linear(6, 10), objectives.classification, "'noise' has no classes.*give the task an objective"),
        (numbers, lambda _: nn.Linear(3, 1), "mse", "objective of task 'wrong' is str: give a function"),
        (numbers, lambda _: nn.Linear(3, 1), bad, r"objective gave \[\] and int: it must return two tensors.*each of the 2"),
        (numbers, lambda _: nn.Linear(3, 1), functional.mse_loss, "objective gave Tensor: it must return two tensors"),
        (numbers, lambda _: nn.Linear(3, 2), objectives.next_token, "'sums' has no classes"),
        (images, lambda _: nn.Linear(6, 5), squared, "objective cannot use them .*RuntimeError.*make the two fit"),
        (images, lambda _: nn.Linear(6, 6), lambda o, t: (t.mean(1) * torch.inf, t.mean(1)), "not finite"),
        (tokens, lambda _: nn.Flatten(), objectives.next_token, r"gives \[2, 5\] for 2 train .*next_token needs"),
    ],
)
def test_what_does_not_fit_is_one_sentence(dataset, model, objective, says):
    task = lthlib.Task("wrong", dataset(), model, objective)
    with pytest.raises(LotteryError, match=says):
        task.check(task.build())


def weighed(weight):
    def objective(outputs, targets):
        losses, scores = squared(outputs, targets)
        return weight * losses, scores

    return objective


def other(outputs, targets):
    losses = (outputs - targets).abs().mean(1)
    return losses, (losses < 1).float()


def test_the_fingerprint_sees_the_objective(blobs):
    found = lambda objective: lthlib.Task("own", numbers(), lambda _: nn.Linear(3, 1), objective).fingerprint()  # noqa: E731
    torch.manual_seed(0)
    assert found(squared) == found(squared) and found(weighed(2)) == found(weighed(2))
    kinds = [squared, other, weighed(2), weighed(3), functools.partial(weighed(2)), functools.partial(squared)]
    assert len({found(kind) for kind in kinds}) == len(kinds)
    task = lthlib.Task("own", blobs, lambda _: nn.Linear(6, 3))
    assert task.fingerprint() == lthlib.Task("own", blobs, lambda _: nn.Linear(6, 3), objectives.classification).fingerprint()
    assert task.fingerprint() != lthlib.Task("own", blobs, lambda _: nn.Linear(6, 3), squared).fingerprint()


class Weighed:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, outputs, targets):
        return weighed(self.weight)(outputs, targets)

    def judge(self, outputs, targets):
        return self(outputs, targets)


def test_the_fingerprint_sees_objects_and_methods_that_judge():
    found = lambda objective: lthlib.Task("own", numbers(), lambda _: nn.Linear(3, 1), objective).fingerprint()  # noqa: E731
    kinds = [Weighed(2), Weighed(3), Weighed(2).judge, Weighed(3).judge]
    assert len({found(kind) for kind in kinds}) == 4 and found(Weighed(2)) == found(Weighed(2))


def test_workers_take_an_objective_of_ones_own(monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0.0)
    task = lthlib.Task("sums-own", numbers(), lambda _: nn.Linear(3, 1), weighed(2))
    theta = [models.initial_weights(task.build, seed) for seed in (0, 1)]
    tickets = [Ticket(weights, masks.ones(models.prunable(task.build())), 0) for weights in theta]
    options = {"model": task.build(), "objective": task.objective, "device": "cpu"}
    recipe = Recipe(batch_size=20, iterations=10, evaluate_every=5)
    together = dict(engine.train(tickets, recipe, task.dataset, workers=2, **options))
    alone = dict(engine.train(tickets, recipe, task.dataset, workers=1, **options))
    assert all(together[i].history == alone[i].history for i in (0, 1))
