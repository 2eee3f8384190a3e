"""Checks for lesson 13's exercises: a measured time, what a kernel computes, removed units."""

from itertools import chain, cycle, repeat

import torch

from lthlib.exercises.checking import Answer, exercise, need, need_tuple, same

FEWEST = 5  # readings that a median is taken of


class _World:
    """A clock of the check's own: it goes on by what `prepare` and each call of `run` take."""

    def __init__(self, taken, preparing=0.0):
        self.now, self.taken, self.preparing, self.runs, self.unprepared = 0.0, taken, preparing, 0, False

    def clock(self) -> float:
        return self.now

    def prepare(self) -> str:
        self.now += self.preparing
        return "inputs"

    def run(self, inputs: str) -> None:
        self.unprepared |= inputs != "inputs"
        self.runs += 1
        self.now += next(self.taken)


@exercise(lesson=13)
def check_seconds(seconds: Answer) -> str:
    """`seconds(run, prepare, clock)` is the median time of `run(inputs)`, warm, without making the inputs."""

    def measure(taken, preparing=0.0) -> tuple[float, bool, int]:
        """The answer, whether it is 1 second, and the number of calls."""
        world = _World(taken, preparing)
        answer = seconds(world.run, world.prepare, world.clock)
        need(world.runs > 0 and not world.unprepared, "run was not called with what prepare() returns.")
        return answer, abs(answer - 1) < 1e-9, world.runs

    answer, right, _ = measure(repeat(1.0))
    need(right, f"every call takes 1 second, and the answer is {answer}: it is not the time of one call.")
    _, right, _ = measure(repeat(1.0), preparing=40.0)
    need(right, "making the inputs is in the time: prepare once, before you look at the clock.")
    _, right, runs = measure(chain([30.0], repeat(1.0)))
    why = "the first call takes 30 seconds, because it sets things up, and it shows: call run once for nothing."
    need(right, why)
    need(runs > FEWEST, f"{runs} calls are too few: one to warm up, and at least {FEWEST} that are timed.")
    _, right, _ = measure(chain([1.0] * 3, [50.0], repeat(1.0)))
    need(right, "one call in which the machine did something else moves the answer: take the median.")
    answer, _, _ = measure(cycle([1.0, 2.0, 3.0]))
    why = "calls take 1, 2 and 3 seconds in turn: the quickest or the slowest of them is luck."
    need(abs(answer - 2) <= 0.5, why)
    return "Right: warm, without the data, and a median of several."


@exercise(lesson=13)
def check_done(done: Answer) -> str:
    """`done(weight, kernel)` counts the multiply-adds that a kernel really does for one input."""
    weight = torch.zeros(8, 12)
    weight[:6, :6] = 1.0
    weight[::2, ::3] = 0.0
    generator = torch.Generator().manual_seed(0)
    other = torch.randn(8, 12, generator=generator) * (torch.rand(8, 12, generator=generator) < 0.2)
    other[:, 5], other[2] = 0.0, 0.0
    for given in (weight, other, torch.ones(8, 12)):
        units = given[given.any(1)][:, given.any(0)].numel()
        left = "a dense matrix without the empty rows and columns, and its zeros are multiplied"
        for kernel, right, reason in [
            ("dense", given.numel(), "a dense product multiplies zeros like any other number"),
            ("csr", int((given != 0).sum()), "a CSR product does one for each stored weight"),
            ("2:4", given.numel() // 2, "2:4 does two of every four, also where more of them are zero"),
            ("units", units, f"what is left is {left}"),
        ]:
            answer = done(given, kernel)
            problem = f"kernel {kernel!r} does {right} multiply-adds on one of our weights, not {answer}"
            need(answer == right, f"{problem}: {reason}.")
    return "Right: it is the kernel that decides what is computed, not the mask."


@exercise(lesson=13)
def check_remove(remove: Answer) -> str:
    """`remove(weight1, bias1, weight2, bias2, empty)` gives a smaller network's four, outputs unchanged."""
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=generator) for shape in ((6, 5), (6,), (3, 6), (3,))]
    empty = torch.tensor([False, True, False, True, True, False])
    given[0][empty] = 0.0
    given[1][empty] = torch.tensor([0.7, -0.9, 0.4])
    x = torch.randn(20, 5, generator=generator)

    def network(weight1, bias1, weight2, bias2):
        return torch.relu(x @ weight1.T + bias1) @ weight2.T + bias2

    answer = need_tuple(remove(*given, empty), 4, "return four things: weight1, bias1, weight2, bias2.")
    need(same(remove.given[:4], given), "an argument has changed: make new tensors.")
    shapes = [tuple(tensor.shape) for tensor in answer]
    why = f"weight1 has shape {shapes[0]}: of 6 units 3 are empty, so 3 rows are left, each with 5 inputs."
    need(shapes[0] == (3, 5), why)
    need(shapes[1] == (3,), f"bias1 has shape {shapes[1]}: a unit that goes takes its bias along.")
    why = f"weight2 has shape {shapes[2]}: the next layer still reads units that are gone, its columns."
    need(shapes[2] == (3, 3), why)
    need(shapes[3] == (3,), f"bias2 has shape {shapes[3]}: the outputs are as many as before.")
    before, after = network(*given), network(*answer)
    apart = (after - before).mean(0)
    folded = given[2][:, empty] @ given[1][empty]
    constant = given[2][:, empty] @ given[1][empty].relu()
    problem = "every output is off by a constant: an empty unit still gave relu(its bias)"
    need(not torch.allclose(apart, -constant, atol=1e-5), f"{problem}, and that has gone as well.")
    problem = "the empty units' biases went on as they are: what the next layer got was relu of them"
    need(not torch.allclose(apart, folded - constant, atol=1e-5), f"{problem}, and one is negative.")
    largest = float((after - before).abs().max())
    need(torch.allclose(after, before, atol=1e-5), f"outputs differ by up to {largest:.2g}.")
    return "Right: the rows, their biases and the next layer's columns are gone, and no output has moved."
