"""What is told apart, what is not, and what is refused."""

import collections
import dataclasses
import enum
import functools
import importlib
import re
import sys
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lthlib import LotteryError
from lthlib.core.digest import digest, facts, first_difference

SCALE = 1.0
WEIGHTS = torch.ones(3)
OPTIONS = {"square": False}


def digits(value) -> str:
    return digest(facts(value, "it"))


def scaled(x):
    return SCALE * x


def by_way_of(x):
    return scaled(x) + 1


def weighted(x):
    return x * WEIGHTS


def by_options(x):
    return x * x if OPTIONS["square"] else x


class Net(nn.Module):
    def __init__(self, act=torch.relu, options=(), width=4):
        super().__init__()
        self.a, self.act, self.options = nn.Linear(2, width), act, dict(options)

    def forward(self, x):
        return self.act(self.a(x))


class Same(Net):
    pass


class Squared(Net):
    def forward(self, x):
        return super().forward(x) ** 2


class Heir(Squared):
    pass


def net(kind=Net, change=lambda network: None, **options):
    torch.manual_seed(0)
    network = kind(**options)
    change(network)
    return network


@dataclasses.dataclass
class Choice:
    sharp: float = 1.0


class Mode(enum.Enum):
    SOFT = 1
    HARD = 2


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def closing_over(value):
    return lambda x: x * value


def with_default(value):
    def function(x, by=value):
        return x * by

    return function


def freeze(network):
    network.a.weight.requires_grad = False


def set_(name, value):
    return lambda network: setattr(network.a, name, value)


def buffer(value):
    return lambda network: network.register_buffer("mean", torch.full((1,), value))


def hook(function):
    return lambda network: network.register_forward_hook(function)


def two_layers(tied):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    if tied:
        network[1].weight = network[0].weight
    else:
        network[1].weight.data.copy_(network[0].weight.data)
    return network


DIFFERENT = {
    "an activation kept as an attribute": lambda: (net(), net(act=torch.tanh)),
    "a function of torch.nn.functional": lambda: (net(act=functional.relu), net(act=functional.gelu)),
    "a lambda": lambda: (net(act=lambda x: x + 1), net(act=lambda x: x + 2)),
    "a dictionary of options": lambda: (net(), net(options={"square": True})),
    "a base class's forward": lambda: (net(Same), net(Heir)),
    "a layer frozen afterwards": lambda: (net(), net(change=freeze)),
    "an attribute set on a layer of torch": lambda: (net(), net(change=set_("also_prunable", ("bias",)))),
    "rate factors": lambda: (net(), net(change=lambda n: setattr(n, "rate_factors", {"a.weight": 0.5}))),
    "a buffer": lambda: (net(change=buffer(0.0)), net(change=buffer(1.0))),
    "a hook": lambda: (net(), net(change=hook(lambda *_: None))),
    "one hook or another": lambda: (net(change=hook(lambda *_: None)), net(change=hook(lambda m, i, o: o * 2))),
    "a forward put on one object": lambda: (net(), net(change=set_("forward", lambda x: x))),
    "dropout's p": lambda: (nn.Dropout(0.1), nn.Dropout(0.2)),
    "a loss's label smoothing": lambda: (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
    "a loss's weights": lambda: (nn.CrossEntropyLoss(torch.ones(2)), nn.CrossEntropyLoss(torch.tensor([1.0, 2.0]))),
    "a closure": lambda: (closing_over(1), closing_over(2)),
    "a tensor in a closure": lambda: (closing_over(torch.ones(2)), closing_over(torch.zeros(2))),
    "a default value": lambda: (with_default(1), with_default(2)),
    "a partial's keyword": lambda: (functools.partial(with_default, value=1), functools.partial(with_default, value=2)),
    "a cached function": lambda: (functools.cache(lambda x: x + 1), functools.cache(lambda x: x + 2)),
    "a method's object": lambda: (net().forward, net(act=torch.tanh).forward),
    "an object that is called": lambda: (Choice(1.0), Choice(2.0)),
    "slots": lambda: (Slotted(1), Slotted(2)),
    "a choice": lambda: (Mode.SOFT, Mode.HARD),
    "1 and 1.0": lambda: (1, 1.0),
    "True and 1": lambda: (True, 1),
    "a list and a tuple": lambda: ([1], (1,)),
    "an array": lambda: (np.zeros(3), np.array([0, 0, 1e-9])),
    "an array's type": lambda: (np.zeros(3), np.zeros(3, "float32")),
    "a number of NumPy's": lambda: (np.float32(1), np.float64(1)),
    "an array of objects": lambda: (np.array([1, "a"], object), np.array([1, "b"], object)),
    "tied weights and equal ones": lambda: (two_layers(True), two_layers(False)),
    "a sparse tensor": lambda: (torch.eye(2).to_sparse(), (2 * torch.eye(2)).to_sparse()),
    "a pattern": lambda: (re.compile("a"), re.compile("b")),
    "an ordered dictionary": lambda: (collections.OrderedDict(a=1), collections.OrderedDict(a=2)),
    "a set": lambda: ({1, 2}, {1, 3}),
    "a generator's state": lambda: (np.random.default_rng(0), np.random.default_rng(1)),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_can_change_results_changes_the_digits(what):
    a, b = DIFFERENT[what]()
    assert digits(a) != digits(b)
    again = DIFFERENT[what]()
    assert [digits(a), digits(b)] == [digits(value) for value in again], "the same made anew has the same digits"


@pytest.mark.parametrize(
    "function, name, other",
    [
        (scaled, "SCALE", 2.0),
        (by_way_of, "SCALE", 2.0),
        (by_way_of, "scaled", lambda x: x),
        (weighted, "WEIGHTS", torch.tensor([1.0, 2.0, 3.0])),
        (by_options, "OPTIONS", {"square": True}),
    ],
)
def test_globals_that_a_function_reads_count_at_any_depth(function, name, other, monkeypatch):
    before = digits(function)
    monkeypatch.setitem(globals(), name, other)
    assert digits(function) != before
    monkeypatch.undo()
    assert digits(function) == before


def test_a_global_that_is_not_read_does_not_count(monkeypatch):
    def shape_of(x):
        return x.SCALE  # an attribute of that name

    before = digits(shape_of)
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert digits(shape_of) == before


def test_a_global_inside_an_inner_function_or_class_counts(monkeypatch):
    def outer(x):
        def inner():
            return SCALE * x

        return inner()

    before = digits(outer)
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert digits(outer) != before


MODULE = "FACTOR = {factor}\n\ndef helper(x):\n    return FACTOR * x\n"


@pytest.mark.parametrize(
    "read", ["import {0}\ndef f(x):\n    return {0}.helper(x)\n", "def f(x):\n    import {0}\n    return {0}.helper(x)\n"]
)
def test_functions_of_ones_own_modules_are_followed(read, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for factor in (1, 2, 1):
        name = f"helpers_{len(found)}"
        (tmp_path / f"{name}.py").write_text(MODULE.format(factor=factor))
        importlib.invalidate_caches()
        importlib.import_module(name)
        space: dict = {"__name__": "__main__"}
        exec(read.format(name), space)
        function = space["f"]
        # The module's name is a part of the code that reads it, so it has to be one name.
        found.append([fact for _, fact in facts(function, "it") if "helper" not in fact])
        sys.modules.pop(name)
    assert found[0] == found[2] != found[1]


def test_comments_docstrings_and_layout_do_not_count():
    def make(code):
        space: dict = {"__name__": "__main__"}
        exec(code, space)
        return space["f"]

    plain = make("def f(x, scale=2):\n    y = x * scale\n    return y + 1\n")
    dressed = make('def f(\n    x,\n    scale=2,\n):\n    """Twice."""\n\n    # local\n    z = (x * scale)\n    return z + 1\n')
    other = make("def f(x, scale=2):\n    y = x * scale\n    return y + 2\n")
    if sys.version_info < (3, 13):  # there a docstring moves the constants of the compiled code
        assert digits(plain) == digits(dressed)
    assert digits(plain) != digits(other)


def test_a_file_edited_after_it_was_imported_is_not_taken_for_what_runs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_later.py"
    file.write_text("def f(x):\n    return x + 1\n")
    function = importlib.import_module("edited_later").f
    before = digits(function)
    file.write_text("def f(x):\n    return x + 22222\n")
    assert digits(function) == before, "the code that runs is the old one"


def test_lambdas_on_one_line_are_told_apart():
    a, b = (lambda x: x + 1), (lambda x: x + 2)
    assert digits(a) != digits(b)


def test_a_method_of_torch_replaced_by_the_user_is_seen(monkeypatch):
    before = digits(nn.Linear)
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: x)
    assert digits(nn.Linear) != before


def test_a_network_of_torchs_parts_is_known_by_names_not_code():
    network = net()
    names = [fact for _, fact in facts(network, "it")]
    assert "class torch.nn.modules.linear.Linear" in names
    assert any("relu" in fact and fact.startswith("built in") for fact in names)


def test_what_is_circular_ends():
    network = net()
    network.itself = [network]
    network.a.parent = [network]
    assert digits(network) == digits(network)


@pytest.mark.parametrize("value", [threading.Lock(), sys.stdout.buffer, (i for i in ())])
def test_what_cannot_be_described_is_refused_by_its_place(value):
    network = net()
    network.options["inner"] = [0, value]
    with pytest.raises(
        LotteryError, match=r"it\.options\.inner\[1\] is of type \w+, by which results cannot be told apart: keep"
    ):
        facts(network, "it")


def test_the_first_difference_is_named():
    a, b = facts(net(), "the network"), facts(net(act=torch.tanh), "the network")
    assert first_difference(a, b) == "the network.act"
    assert first_difference(a, a) == ""
    assert first_difference(a, [*a, ("more", "of it")]) == "more"
