"""Checks for lesson 13's exercises: what a measured time contains, what a kernel really computes, what goes with a removed unit.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable, Iterator
from itertools import chain, cycle, repeat

import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer

FEWEST = 5  # readings that a median is taken of


class _World:
    """A clock of the check's own: it goes on by what `prepare` and each call of `run` take."""

    def __init__(self, taken: Iterator[float], preparing: float = 0.0):
        self.now, self.taken, self.preparing, self.runs, self.unprepared = 0.0, taken, preparing, 0, False
        self.ready = False

    def clock(self) -> float:
        return self.now

    def prepare(self) -> str:
        self.now += self.preparing
        self.ready = True
        return "inputs"

    def run(self, inputs: str) -> None:
        self.unprepared |= inputs != "inputs"
        self.runs += 1
        self.now += next(self.taken)


def check_seconds(seconds: Callable) -> None:
    """Lesson 13: `seconds(run, prepare, clock)` is the median time of `run(inputs)`, warm, without making the inputs."""

    def found(taken: Iterator[float], preparing: float = 0.0) -> tuple[float | None, _World]:
        world = _World(taken, preparing)
        answer = seconds(world.run, world.prepare, world.clock)
        if answer is not None:
            _need(world.runs > 0 and not world.unprepared, "run was not called with what prepare() returns.")
        return answer, world

    answer, _ = found(repeat(1.0))
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(abs(answer - 1) < 1e-9, f"every call takes 1 second, and the answer is {answer}: it is not the time of one call.")
    answer, _ = found(repeat(1.0), preparing=40.0)
    _need(abs(answer - 1) < 1e-9, "making the inputs is in the time: prepare once, before you look at the clock.")
    answer, world = found(chain([30.0], repeat(1.0)))
    _need(
        abs(answer - 1) < 1e-9,
        "the first call takes 30 seconds, because it sets things up, and it shows: call run once for nothing.",
    )
    _need(world.runs > FEWEST, f"{world.runs} calls are too few: one to warm up, and at least {FEWEST} that are timed.")
    answer, _ = found(chain([1.0] * 3, [50.0], repeat(1.0)))
    _need(abs(answer - 1) < 1e-9, "one call in which the machine did something else moves the answer: take the median.")
    answer, _ = found(cycle([1.0, 2.0, 3.0]))
    _need(abs(answer - 2) <= 0.5, "calls take 1, 2 and 3 seconds in turn: the quickest or the slowest of them is luck.")
    print("Right: warm, without the data, and a median of several.")


def check_done(done: Callable[[Tensor, str], int]) -> None:
    """Lesson 13: `done(weight, kernel)` counts the multiply-adds that a kernel really does for one input."""
    weight = torch.zeros(8, 12)
    weight[:6, :6] = 1.0
    weight[::2, ::3] = 0.0
    if done(weight.clone(), "dense") is None:
        return print("Exercise not tried yet: the function returns None.")
    generator = torch.Generator().manual_seed(0)
    other = torch.randn(8, 12, generator=generator) * (torch.rand(8, 12, generator=generator) < 0.2)
    other[:, 5], other[2] = 0.0, 0.0
    for given in (weight, other, torch.ones(8, 12)):
        units = given[given.any(1)][:, given.any(0)].numel()
        for kernel, right, why in [
            ("dense", given.numel(), "a dense product multiplies zeros like any other number"),
            ("csr", int((given != 0).sum()), "a CSR product does one for each stored weight"),
            ("2:4", given.numel() // 2, "2:4 does two of every four, also where more of them are zero"),
            ("units", units, "what is left is a dense matrix without the empty rows and columns, and its zeros are multiplied"),
        ]:
            answer = done(given.clone(), kernel)
            _need(answer == right, f"kernel {kernel!r} does {right} multiply-adds on one of our weights, not {answer}: {why}.")
    print("Right: it is the kernel that decides what is computed, not the mask.")


def check_remove(remove: Callable) -> None:
    """Lesson 13: `remove(weight1, bias1, weight2, bias2, empty)` gives the four of the smaller network, outputs unchanged."""
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=generator) for shape in ((6, 5), (6,), (3, 6), (3,))]
    empty = torch.tensor([False, True, False, True, True, False])
    given[0][empty] = 0.0
    given[1][empty] = torch.tensor([0.7, -0.9, 0.4])
    x = torch.randn(20, 5, generator=generator)
    network = lambda w1, b1, w2, b2: torch.relu(x @ w1.T + b1) @ w2.T + b2  # noqa: E731
    copies = [tensor.clone() for tensor in given]
    answer = remove(*copies, empty.clone())
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 4, "return four things: weight1, bias1, weight2, bias2.")
    _need(all(torch.equal(a, b) for a, b in zip(copies, given)), "an argument has changed: make new tensors.")
    shapes = [tuple(tensor.shape) for tensor in answer]
    _need(shapes[0] == (3, 5), f"weight1 has shape {shapes[0]}: of 6 units 3 are empty, so 3 rows are left, each with 5 inputs.")
    _need(shapes[1] == (3,), f"bias1 has shape {shapes[1]}: a unit that goes takes its bias along.")
    _need(shapes[2] == (3, 3), f"weight2 has shape {shapes[2]}: the next layer still reads units that are gone, its columns.")
    _need(shapes[3] == (3,), f"bias2 has shape {shapes[3]}: the outputs are as many as before.")
    wanted, here = network(*given), network(*answer)
    apart = (here - wanted).mean(0)
    folded = given[2][:, empty] @ given[1][empty]
    constant = given[2][:, empty] @ given[1][empty].relu()
    _need(
        not torch.allclose(apart, -constant, atol=1e-5),
        "every output is off by a constant: an empty unit still gave relu(its bias), and that has gone as well.",
    )
    _need(
        not torch.allclose(apart, folded - constant, atol=1e-5),
        "the empty units' biases went on as they are: what the next layer got was relu of them, and one is negative.",
    )
    _need(torch.allclose(here, wanted, atol=1e-5), f"outputs differ by up to {float((here - wanted).abs().max()):.2g}.")
    print("Right: the rows, their biases and the next layer's columns are gone, and no output has moved.")


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
