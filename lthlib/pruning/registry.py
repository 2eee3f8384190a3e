"""Pruning criteria: one function each, from what is known of a network to a score per weight.

The lowest scores are pruned first. A criterion names, as keywords, what it needs of

    weights   the prunable weights of the network that is pruned, by name: trained, or at theta_k under
              schedule "untrained"
    start     the same weights at theta_k, where tickets begin
    mask      what is kept so far: True is kept
    network   a copy of that network with all its parameters, masked, in training mode; anything may be done
              to it
    batch     inputs and targets of BATCH training examples, drawn anew in each trial
    inputs    what each layer is given for that batch, by the name of its weight: [rows, weight[0].numel()], a row
              for every example and position (`models.layer_inputs`); of linear layers and convolutions
    loss      loss(outputs, targets), the mean loss that the task is trained on
    seed      for criteria that draw at random

and returns one tensor of the weight's shape for each name in `weights`. One of your own is registered by
`@lthlib.score` (or by an entry point in the group "lthlib.scores" of an installed package), and is then a
score like any other:

    @lthlib.score
    def distance_moved(*, weights, start):
        return {name: (weights[name] - start[name]).abs() for name in weights}

    lthlib.hunt("lenet-digits", score="distance_moved")
"""

import importlib.util
import inspect
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from torch import Tensor

from lthlib.core.digest import digest, facts
from lthlib.core.errors import LotteryError, blamed
from lthlib.core.paths import expanded
from lthlib.core.validation import at_least
from lthlib.models import layer_inputs

KNOWN = ("weights", "start", "mask", "network", "batch", "inputs", "loss", "seed")
RUN_THE_NETWORK = ("network", "inputs")  # of these, what takes a pass of the batch
BATCH = 100  # examples: ten a class of ten, as in Frankle et al. (2021), arXiv 2009.08576, appendix
ENTRY_POINTS = "lthlib.scores"
SCORES: dict[str, Callable] = {}
Tensors = dict[str, Tensor]


def score(function: Callable | None = None, *, rounds: int = 1, examples: int = BATCH) -> Callable:
    """Register a criterion under its own name: `@score`, or `@score(rounds=100)` for one that is computed
    anew in each of so many steps whenever a round prunes. `examples` says how many inputs it runs through the
    network in each, for its price.

    Raises LotteryError where it asks for something that no criterion is given, or where its name belongs to
    lthlib.
    """
    if function is None:
        return lambda later: score(later, rounds=rounds, examples=examples)
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise LotteryError(f"the criterion {function!r} has no name of its own: define it with def.")
    rounds = at_least(f"rounds of criterion {name!r}", rounds, 1)
    examples = at_least(f"examples of criterion {name!r}", examples, 1)
    if is_own(SCORES.get(name, function)) != is_own(function):
        raise LotteryError(f"the name {name!r} belongs to a criterion of lthlib: call yours otherwise.")
    unknown = [p for p in asked(function) if p not in KNOWN]
    if unknown:
        raise LotteryError(f"criterion {name!r} asks for {', '.join(unknown)}: it can be given {', '.join(KNOWN)}.")
    function.rounds, function.examples = rounds, examples
    SCORES[name] = function
    return function


def find(name: str | Callable) -> Callable | None:
    """The criterion of that name, from an installed package if need be; a function is registered. None where
    there is none."""
    if callable(name):
        return name if SCORES.get(getattr(name, "__name__", "")) is name else score(name)
    if not isinstance(name, str):
        return None
    if name not in SCORES:
        for point in metadata.entry_points(group=ENTRY_POINTS, name=name):
            score(_loaded(point))
    return SCORES.get(name)


def _loaded(point: metadata.EntryPoint) -> Callable:
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # it runs somebody's package
        given = f"{type(error).__name__} ({error})"
        raise LotteryError(f"criterion {point.name!r} of {point.value} stops with {given}: mend that package.") from error


def read_file(path: str | Path) -> None:
    """Run a Python file, for the criteria that it registers. Raises LotteryError where there is none, or
    where it fails."""
    path = expanded(path)
    if not path.is_file():
        raise LotteryError(f"there is no file {path}: give a Python file that defines criteria under @lthlib.score.")
    before = set(SCORES)
    spec = importlib.util.spec_from_file_location(f"criteria_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise LotteryError(f"{path} is no Python file: its name must end in .py.")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except LotteryError:
        raise
    except (Exception, SystemExit) as error:  # the file is the user's: it may raise anything
        raise LotteryError(f"{path} stops with {type(error).__name__} ({error}): mend it first.") from error
    if set(SCORES) == before:
        raise LotteryError(f"{path} registers no criterion: put @lthlib.score above a function of it.")


def is_own(function: Callable) -> bool:
    """Whether a criterion is the user's, not one that lthlib ships."""
    return not str(function.__module__).startswith("lthlib.")


def fingerprint(function: Callable) -> str:
    """Empty for a criterion that lthlib ships; for one of yours, digits that change with its code, its rounds
    and all that it reads (see `core.digest`). Raises LotteryError where it reads what cannot be described."""
    return digest(facts(function, f"criterion {function.__name__!r}")) if is_own(function) else ""


def evaluate(function: Callable, **known) -> Tensors:
    """The scores of a criterion, which is given of `known` what it asks for; the mask as a copy, since a
    criterion may write into what it is given.

    Raises LotteryError where it raises anything, or does not return one tensor of the right shape for each
    weight, with a real number for each weight that is one itself.
    """
    weights, wanted = known["weights"], asked(function)
    given = {**known, "weights": dict(weights)}
    if "inputs" in wanted:
        given["inputs"] = layer_inputs(known["network"], weights, known["batch"][0])
    if "mask" in known:
        given["mask"] = {name: kept.clone() for name, kept in known["mask"].items()}
    with blamed(f"criterion {function.__name__!r} fails", "mend it, or choose another score"):
        scores = function(**{name: given[name] for name in wanted})
    for name, weight in weights.items():
        tensor = scores.get(name) if isinstance(scores, dict) else None
        if not isinstance(tensor, Tensor) or tensor.shape != weight.shape:
            kind = list(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            raise LotteryError(
                f"criterion {function.__name__!r} gives {kind} for {name!r}: return a dictionary with a tensor of shape "
                f"{list(weight.shape)} there, and so for each of {', '.join(weights)}."
            )
        if tensor.is_complex():
            raise LotteryError(f"criterion {function.__name__!r} gives complex numbers for {name!r}: return real ones.")
        if (tensor.isnan() & weight.isfinite()).any():
            advice = "return a number for each, 0 for one that is pruned already"
            raise LotteryError(f"criterion {function.__name__!r} gives NaN for weights of {name!r}: {advice}.")
    return {name: scores[name].detach() for name in weights}


def asked(function: Callable) -> list[str]:
    """The names of what a criterion asks for."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
