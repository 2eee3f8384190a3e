"""What cannot be trained is refused in one sentence before anything is written; what can be is left alone."""

import copy
import random
import subprocess
import sys
import threading
import typing

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import data, models, tasks
from lthlib.core.errors import LotteryError
from lthlib.lottery import heuristic_supermasks
from lthlib.settings import Recipe
from lthlib.tasks import check, limits
from lthlib.training import engine, objectives
from lthlib.training.stack import Ticket

SHORT = {"levels": 1, "trials": 2, "iterations": 4, "evaluate_every": 2, "progress": False, "device": "cpu"}


class Net(nn.Module):
    """6 numbers to 3 classes; what is between its two layers, and around them, is a function's."""

    def __init__(self, forward=None, prepare=None):
        super().__init__()
        self.a, self.b, self.extra = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.state, self.forward_by = None, forward
        if prepare:
            prepare(self)

    def forward(self, x):
        return self.forward_by(self, x) if self.forward_by else self.b(self.hidden(x))

    def hidden(self, x):
        return torch.relu(self.a(x))


def plain():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def refused(task, says, folder, **options):
    """Hunting the task is one sentence, and leaves no file. Returns the error."""
    with pytest.raises(LotteryError, match=says) as caught:
        lthlib.hunt(task, results=folder / "none", **{**SHORT, **options})
    assert not (folder / "none").exists() and "\n" not in str(caught.value)
    return caught.value


def own(blobs, build, objective=objectives.classification, **options):
    return lthlib.Task("blobs-tried", blobs, build, objective, **options)


def fails(kind, *said):
    def function(*_):
        raise kind(*said)

    return function


class Odd(BaseException):
    """No Exception, and the user's own."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyError, Odd, SystemExit, MemoryError, RecursionError])
@pytest.mark.parametrize("part", ["model", "forward", "training", "objective", "backward", "criterion"])
def test_whatever_a_users_code_raises_is_one_sentence(blobs, tmp_path, kind, part, no_criterion_is_left_behind):
    bad, options, build, objective = fails(kind, "of mine"), {}, lambda _: plain(), objectives.classification

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return bad()

    if part == "model":
        build, says = bad, "the model of task 'blobs-tried' cannot build a network"
    if part == "forward":
        build, says = lambda _: Net(bad), r"cannot take train inputs of shape \[2, 6\]"
    if part == "training":
        build = lambda _: Net(lambda net, x: bad() if net.training else net.b(net.hidden(x)))  # noqa: E731
        says = "cannot take inputs in training of shape"
    if part == "objective":
        objective, says = bad, "the objective cannot use them"
    if part == "backward":
        build = lambda _: Net(lambda net, x: net.b(Backward.apply(net.hidden(x))))  # noqa: E731
        says = "the backward pass of task 'blobs-tried' fails"
    if part == "criterion":

        def unlucky(*, weights):
            return bad()

        options, says = {"score": unlucky}, "criterion 'unlucky' fails"
    error = refused(
        own(blobs, build, objective),
        f"{says}.*{kind.__name__}: .*of mine.* in function, line .* of test_check",
        tmp_path,
        **options,
    )
    assert isinstance(error.__cause__, kind), "the original is chained"


def test_an_interrupt_is_an_interrupt(blobs):
    with pytest.raises(KeyboardInterrupt):
        tasks.prepare(own(blobs, fails(KeyboardInterrupt)))


def grows(net, x):
    hidden = net.hidden(x)
    net.state = hidden if net.state is None or len(net.state) != len(hidden) else net.state + hidden
    return net.b(net.state)


def grows_in_training(net, x):
    if not net.training:
        return net.b(net.hidden(x))
    net.state = net.hidden(x) if net.state is None else net.state + net.hidden(x)
    return net.b(net.state)


def frozen(net):
    net.requires_grad_(False)


def old_weight_norm(net):
    torch.nn.utils.weight_norm(net.a)


def pruned_by_torch(net):
    torch.nn.utils.prune.l1_unstructured(net.a, "weight", 0.2)


def sparse_embedding(net):
    net.table, net.forward_by = (
        nn.Embedding(2, 6, sparse=True),
        lambda net, x: net.b(net.hidden(x + net.table((x[:, 0] > 0).long()))),
    )


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Net(grows), "has the loss .* then .* in evaluation mode, so its network or objective changes from call to call"),
        (lambda: Net(grows_in_training), "cannot be trained step by step on batches of .*keep nothing from one call to the next"),
        (lambda: Net(lambda net, x: net.b(functional.dropout(net.hidden(x)))), "functional.dropout needs training=self.training"),
        (lambda: Net(lambda net, x: net.b(net.hidden(x)).squeeze(0)), r"gives \[3\] for 1 train examples"),
        (lambda: Net(lambda net, x: net.b(net.hidden(x - x.mean(0)))), "by itself.*its network in evaluation mode mixes"),
        (lambda: Net(lambda net, x: net.b(net.hidden(x)).detach()), "has no gradient in any prunable weight: .*no detach"),
        (lambda: Net(None, frozen), "all prunable weights of Net are frozen"),
        (lambda: Net(lambda net, x: net.b(net.hidden(x)) / 0), "the loss is not finite"),
        (lambda: Net(None, old_weight_norm), "cannot be copied .*it holds a.weight, computed from other tensors.*weight_norm"),
        (lambda: Net(None, pruned_by_torch), "cannot be copied .*it holds a.weight, computed.*torch.nn.utils.prune"),
        (
            lambda: Net(None, lambda net: setattr(net, "lock", threading.Lock())),
            r"the network\.lock is of type lock, by which results cannot be told apart",
        ),
        (lambda: Net(None, sparse_embedding), "'table.weight' .*sparse or complex gradients"),
        (lambda: Net(lambda net, x: {"logits": net.b(net.hidden(x))}), "gives dict for 2 train examples"),
        (lambda: Net(lambda net, x: (net.b(net.hidden(x)),) * (1 + net.training)), "gives tuple for 2 train"),
        (lambda: plain().double(), "must have the same dtype"),
    ],
)  # fmt: skip
def test_networks_that_end_in_training_are_refused_before(blobs, tmp_path, build, says):
    refused(own(blobs, lambda _: build()), says, tmp_path)


def test_batch_norm_takes_no_batch_of_one(blobs, tmp_path):
    task = own(blobs, lambda _: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)))
    refused(task, r"cannot take inputs in training of shape \[1, 6\].*more than 1 value per channel", tmp_path, batch_size=1)
    assert set(lthlib.hunt(task, results=tmp_path, **SHORT, batch_size=2).level) == {0, 1}


def cross_entropy(outputs, targets):
    return functional.cross_entropy(outputs, targets, reduction="none"), (outputs.argmax(1) == targets).float()


def shares(outputs, targets):
    losses, hits = cross_entropy(outputs, targets)
    return losses, hits.mean().expand(len(hits))


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (lambda o, t: ((o.argmax(1) != t).long(), (o.argmax(1) == t).float()), "losses are torch.int64"),
        (lambda o, t: ((o.argmax(1) != t).float(), (o.argmax(1) == t).float()), "has no gradient in any prunable weight"),
        (shares, "has the score .* by itself, but .*: its objective mixes the examples"),
        (lambda o, t: cross_entropy(o.squeeze(), t), r"gives \[1, 3\] for 1 train examples: the objective cannot use them"),
        (lambda o, t: cross_entropy(o, t)[0].mean(), "the objective gave Tensor: it must return two tensors"),
    ],
)
def test_objectives_that_end_in_training_are_refused_before(blobs, tmp_path, objective, says):
    refused(own(blobs, lambda _: plain(), objective), says, tmp_path)


def squares(outputs, targets):
    off = outputs - targets
    return off.square().mean(-1), (off.abs() < 0.5).float().mean(-1)


def test_outputs_in_a_column_against_targets_in_a_row_are_refused(blobs, tmp_path):
    inputs = blobs.train.inputs
    numbers = data.from_arrays("numbers", inputs[:200], 2 * inputs[:200, 0], inputs[200:], 2 * inputs[200:, 0], classes=False)
    refused(
        lthlib.Task("column", numbers, lambda _: nn.Linear(6, 1), squares),
        "its objective mixes the examples of a batch",
        tmp_path,
    )
    columns = data.from_arrays("numbers", inputs[:200], 2 * inputs[:200, :1], inputs[200:], 2 * inputs[200:, :1], classes=False)
    tasks.prepare(lthlib.Task("columns", columns, lambda _: nn.Linear(6, 1), squares))


class Reader(nn.Module):
    def __init__(self, tokens):
        super().__init__()
        self.table, self.out = nn.Embedding(tokens, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(self.table(x).mean(1))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_vocabulary_too_small_is_found_by_the_largest_token(split, tmp_path):
    tokens = torch.arange(1200).view(300, 4) % 5
    tokens[{"train": 101, "test": 260}[split], 2] = 9  # one of a thousand
    labels = torch.arange(300) % 2
    words = data.from_arrays("words", tokens[:240], labels[:240], tokens[240:], labels[240:], classes=False)
    refused(lthlib.Task("small", words, lambda _: Reader(9)), f"cannot take {split} inputs .* with the numbers 0 to 9", tmp_path)
    tasks.prepare(lthlib.Task("large", words, lambda _: Reader(10)))


def test_weights_that_the_loss_does_not_reach_are_named(blobs, capsys):
    tasks.prepare(own(blobs, lambda _: Net()))
    assert "blobs-tried: the loss does not depend on extra.weight, so" in capsys.readouterr().err
    tasks.prepare(own(blobs, lambda _: plain()))
    assert not capsys.readouterr().err


def test_the_check_changes_neither_data_nor_network_nor_random_numbers(blobs):
    def subtract(net, x):
        x -= 1.0
        return net.b(net.hidden(x))

    before, built = blobs.fingerprint(), []

    def build(_):
        built.append(Net(subtract))
        return built[-1]

    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    ready = tasks.prepare(own(blobs, build))
    assert blobs.fingerprint() == before
    assert torch.equal(torch.get_rng_state(), states[0]) and (np.random.get_state()[1] == states[1]).all()
    assert random.getstate() == states[2]
    fresh = models.initial_weights(lambda: build(None), 0)
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in ready.network.state_dict().items())
    assert all(parameter.grad is None for parameter in ready.network.parameters())


# Builds.


def with_weights_of(draw):
    def build(_):
        network = plain()
        with torch.no_grad():
            for layer in (network[0], network[2]):
                layer.weight.copy_(torch.as_tensor(draw(layer.weight.shape)))
        return network

    return build


ONE = plain()


def seeded(_):
    torch.manual_seed(0)
    return plain()


@pytest.mark.parametrize("build", [lambda _: ONE, lambda _: copy.deepcopy(ONE), seeded, with_weights_of(torch.ones)])
def test_a_network_that_is_the_same_under_two_seeds_is_refused(blobs, tmp_path, build):
    refused(own(blobs, build), "'0.weight' the same values under two seeds.*pretrained=True", tmp_path, controls="reinit")


def test_a_body_that_is_the_same_under_two_seeds_is_refused(blobs, tmp_path):
    def build(_):
        network = plain()
        network[0].load_state_dict(ONE[0].state_dict())
        return network

    refused(own(blobs, build), "'0.weight' the same values under two seeds", tmp_path)


def test_layers_that_begin_at_zero_or_as_an_identity_may_be_the_same(blobs):
    def build(_):
        network = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3))
        nn.init.eye_(network[0].weight), nn.init.zeros_(network[2].weight)
        return network

    tasks.prepare(own(blobs, build))


def test_networks_of_numpys_and_pythons_random_numbers_are_found_again(blobs, tmp_path):
    for draw in (
        lambda shape: np.random.standard_normal(shape),
        lambda shape: [[random.gauss(0, 1) for _ in range(shape[1])] for _ in range(shape[0])],
    ):
        task = own(blobs, with_weights_of(draw))
        one, again, other = (models.initial_weights(task.build, seed)["0.weight"] for seed in (1, 1, 2))
        assert torch.equal(one, again) and not torch.equal(one, other)
        first = lthlib.hunt(task, results=tmp_path, **SHORT)
        assert lthlib.hunt(task, results=tmp_path, **SHORT).equals(first)


def test_a_generator_of_its_own_is_refused(blobs, tmp_path):
    unseeded = np.random.default_rng()
    refused(
        own(blobs, with_weights_of(unseeded.standard_normal)), "other values when it is built again under the same seed", tmp_path
    )


def test_networks_of_different_shapes_are_refused(blobs, tmp_path):
    def build(_):
        width = int(torch.randint(3, 99, ()))
        return nn.Sequential(nn.Linear(6, width), nn.Linear(width, 3))

    refused(own(blobs, build), "builds networks of different shapes", tmp_path)


def test_pretrained_weights_are_a_choice_that_refuses_controls_of_new_weights(blobs, tmp_path):
    task = own(blobs, lambda _: copy.deepcopy(ONE), pretrained=True)
    for name in ("reinit", "random", "reinit_signs", "constant"):
        refused(
            task, f"control '{name}' needs new initial weights, but with pretrained=True", tmp_path, controls=["shuffle", name]
        )
    with pytest.raises(LotteryError, match="control 'constant' needs new initial weights"):
        heuristic_supermasks.measure(task, results=tmp_path / "none", controls="constant", **SHORT)
    table = lthlib.hunt(task, results=tmp_path, controls="shuffle,dense,reshuffle,constant_signs", **SHORT)
    assert set(table.method) == {"iterative", "shuffle", "dense", "reshuffle", "constant_signs"}
    start = models.initial_weights(task.build, 5)
    assert all(torch.equal(tensor, start[name]) for name, tensor in ONE.state_dict().items())


# Outputs other than one tensor.


class Outputs(typing.NamedTuple):
    logits: torch.Tensor
    second: torch.Tensor | None
    first: torch.Tensor


class WithHeads(Net):
    """In training a named tuple, as torchvision's GoogLeNet gives; logits alone in evaluation."""

    def forward(self, x):
        hidden = self.hidden(x)
        return Outputs(self.b(hidden), self.extra(hidden), self.extra(hidden) * 2) if self.training else self.b(hidden)


def test_auxiliary_heads_are_refused_by_classification_and_taken_by_an_objective(blobs, tmp_path):
    refused(own(blobs, lambda _: WithHeads()), r"gives Outputs for .* in training: .*with_auxiliary\(\)", tmp_path)
    task = own(blobs, lambda _: WithHeads(), objectives.with_auxiliary(0.3))
    table = lthlib.hunt(task, results=tmp_path, **{**SHORT, "iterations": 200, "learning_rate": 0.01})
    assert table.accuracy.max() > 0.9
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    targets, other = torch.tensor([0, 1, 2, 0, 1]), logits.flip(1)
    losses, scores = objectives.with_auxiliary(0.5)((logits, other, None), targets)
    by_hand = [functional.cross_entropy(part, targets, reduction="none") for part in (logits, other)]
    assert torch.equal(losses, by_hand[0] + 0.5 * by_hand[1])
    assert torch.equal(scores, objectives.classification(logits, targets)[1])
    assert torch.equal(objectives.with_auxiliary()(logits, targets)[0], by_hand[0])


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.mean, self.spread, self.out = nn.Linear(6, 8), nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 6)

    def forward(self, x):
        hidden = torch.relu(self.into(x))
        return {"picture": self.out(self.mean(hidden)), "code": (self.mean(hidden), self.spread(hidden))}


def bound(outputs, targets):
    picture, (mean, log_variance) = outputs["picture"], outputs["code"]
    return (picture - targets).square().sum(1) + objectives.divergence(mean, log_variance), (
        (picture - targets).abs() < 0.5
    ).float().mean(1)


@pytest.mark.parametrize("score", ["magnitude", "snip", "grasp", "synflow"])
def test_objectives_take_tuples_and_dictionaries(blobs, tmp_path, score):
    inputs = blobs.train.inputs
    same = data.from_arrays("same", inputs[:180], inputs[:180], inputs[180:], inputs[180:], classes=False)
    task = lthlib.Task("coder", same, lambda _: Coder(), bound)
    table = lthlib.hunt(task, results=tmp_path, score=score, schedule="untrained", **{**SHORT, "iterations": 60})
    assert set(table.level) == {0, 1} and table.loss.notna().all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stack_of_networks_with_such_outputs_is_as_each_alone(blobs, precision):
    inputs = blobs.train.inputs
    same = data.from_arrays("same", inputs[:180], inputs[:180], inputs[180:], inputs[180:], classes=False)
    task = lthlib.Task("coder", same, lambda _: Coder(), bound)
    recipe = Recipe(iterations=20, evaluate_every=10, precision=precision)
    ones = lthlib.masks.ones(models.prunable(task.build()))
    tickets = [Ticket(models.initial_weights(task.build, seed), ones, seed) for seed in range(3)]

    def run(stack):
        how = {"model": task.build(), "objective": bound, "device": "cpu", "workers": 1, "stack": stack}
        return dict(engine.train(tickets, recipe, same, **how))

    together, alone = run(3), run(None)
    for index in range(3):
        assert together[index].history["loss"] == pytest.approx(
            alone[index].history["loss"], rel=1e-4 if precision == "float32" else 0.05
        )


# Data by hand.


def by_hand(blobs, inputs=None, targets=None, **splits):
    train = data.Split(blobs.train.inputs if inputs is None else inputs, blobs.train.targets if targets is None else targets)
    return data.Dataset("hand", **{"train": train, "validation": blobs.validation, "test": blobs.test, **splits})


def test_a_split_takes_arrays_and_small_whole_numbers(blobs, tmp_path):
    inputs, targets = blobs.train.inputs, blobs.train.targets
    right = lthlib.hunt(lthlib.Task("hand", by_hand(blobs), lambda _: plain()), results=tmp_path / "right", **SHORT)
    for index, (x, y) in enumerate(
        [
            (inputs, targets.int()),
            (inputs.numpy(), targets.numpy().astype("uint8")),
            (inputs.numpy().astype("float64"), targets.short()),
            (inputs.tolist(), targets.tolist()),
        ]
    ):
        made = by_hand(blobs, x, y)
        assert (made.train.inputs.dtype, made.train.targets.dtype) == (torch.float32, torch.int64)
        table = lthlib.hunt(lthlib.Task("hand", made, lambda _: plain()), results=tmp_path / str(index), **SHORT)
        assert table.drop(columns="seconds").equals(right.drop(columns="seconds"))
    assert data.Split(torch.zeros(2, 3, dtype=torch.uint8), [0, 1]).inputs.dtype == torch.uint8, "pictures in bytes stay small"


def nan_at(values, *place):
    values = values.clone()
    values[place] = torch.nan
    return values


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda b: by_hand(b, targets=b.train.targets - 1), "'hand' has train label -1: classes are numbered from 0"),
        (lambda b: by_hand(b, targets=b.train.targets[:-9]), "has 220 train inputs and 211 targets: give one target"),
        (lambda b: by_hand(b, inputs=b.train.inputs[:-9]), "has 211 train inputs and 220 targets: give one target"),
        (lambda b: by_hand(b, nan_at(b.train.inputs, 7, 2)), "has train inputs that are not finite"),
        (lambda b: by_hand(b, b.train.inputs.double()), r"inputs of shape \[2, 6\] and type float64, not float32"),
        (lambda b: by_hand(b, targets=b.train.targets[:, None]), r"train targets \[220, 1\]: give one class number"),
        (lambda b: by_hand(b, targets=b.train.targets.float()), "has no classes, its targets are numbers"),
        (lambda b: by_hand(b, test=(b.test.inputs, b.test.targets)), "a test split that is tuple: give lthlib.data.Split"),
        (lambda b: by_hand(b, validation=data.Split(b.test.inputs[:0], b.test.targets[:0])), "no validation example"),
        (lambda b: by_hand(b, test=data.Split(b.test.inputs[:, :5], b.test.targets)), r"take test inputs of shape \[2, 5\]"),
        (lambda b: by_hand(b, targets=b.train.targets * 10**9), "340 targets of data set 'hand' name 2,000,000,001 classes"),
    ],
)  # fmt: skip
def test_data_made_by_hand_is_refused_with_a_sentence(blobs, tmp_path, made, says):
    refused(lthlib.Task("hand", made(blobs), lambda dataset: nn.Linear(6, dataset.classes)), says, tmp_path)


@pytest.mark.parametrize("values", [3.0, "text", [[1, 2], [3]], torch.zeros(3, dtype=torch.complex64)])
def test_what_is_no_array_of_numbers_makes_no_split(values):
    with pytest.raises(LotteryError, match="one number|no array of numbers|complex"):
        data.Split(values, torch.zeros(3, dtype=torch.int64))


# Sizes.


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"levels": 10**9}, "levels 1,000,000,000, trials 2 and redraws 1 make 2,000,000,002 networks to train: choose at most"),
        ({"trials": 10**8}, "make 200,000,000 networks"),
        ({"redraws": 10**7, "controls": "reinit,dense"}, "redraws 10,000,000 make 40,000,004 networks"),
        ({"levels": 10**5000}, r"make more than 10\*\*18 networks"),
        ({"iterations": 10**9}, "batch_size 60 and iterations 1,000,000,000 need about 894 GB.*894 for the order of the data"),
        ({"batch_size": 10**9}, r"batch_size 1,000,000,000 and iterations 4 need about 3,\d{3} GB of memory.*for a batch"),
        ({"iterations": 10**5000}, "iterations more than 10"),
    ],
)  # fmt: skip
def test_sizes_that_no_machine_could_carry_out_are_refused(tmp_path, options, says):
    refused("lenet-digits", says, tmp_path, **options)


def test_memory_is_reckoned_by_weights_batch_and_order(blobs, monkeypatch):
    network = nn.Sequential(
        nn.Linear(6, 2000), nn.ReLU(), nn.Linear(2000, 3)
    )  # 20,003 parameters; 6 + 2000 + 3 numbers an example
    recipe = Recipe(batch_size=1000, iterations=500)
    needed = 4 * 4 * 20_003 + 2 * 4 * 1000 * 2009 + 2 * 8 * 1000 * 500
    monkeypatch.setattr(limits, "machine_memory", lambda: needed)
    limits.check_memory(network, blobs, recipe)
    monkeypatch.setattr(limits, "machine_memory", lambda: needed - 1)
    with pytest.raises(LotteryError, match="batch_size 1,000 and iterations 500 need"):
        limits.check_memory(network, blobs, recipe)


def test_the_count_of_networks_is_that_of_the_hunt(blobs, tmp_path, monkeypatch):
    counts = []
    monkeypatch.setattr(limits, "check_networks", lambda count, extent: counts.append(count))
    table = lthlib.hunt(own(blobs, lambda _: plain()), results=tmp_path, redraws=2, controls="reinit,dense,fork", **SHORT)
    assert counts == [4, len(table.drop_duplicates(["method", "trial", "redraw", "level"]))]


def test_nothing_of_torchs_compiler_is_imported_to_check():
    """It takes seconds, and a hunt that is stored needs none of it."""
    code = "import sys; from lthlib import tasks; tasks.prepare('lenet-digits'); assert 'torch._dynamo' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_looked_at_examples_hold_every_extreme():
    inputs = torch.arange(50).view(10, 5)
    targets = torch.tensor([3, 0, 1, 1, 9, 1, -2, 1, 1, 1])
    places = set(check._looked_at(data.Split(inputs, targets)).tolist())
    assert {0, 9, 4, 6} <= places and len(places) <= check.EXAMPLES + 4
