"""A task: data, network and objective together."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from lthlib import data, models
from lthlib.core.digest import Facts, digest, facts
from lthlib.core.errors import LotteryError, blamed
from lthlib.core.seeds import seed_for
from lthlib.tasks import check
from lthlib.training import objectives


@dataclass(frozen=True)
class Task:
    """Data, network and objective together.

    `data` is the name of a data set or a Dataset of your own. `model` makes a new network for it, freshly
    initialised each time it is called: every trial and every reinit control asks for one under its own seed.
    `objective` says what is minimised and how accuracy is measured (see `lthlib.training.objectives`): without one,
    cross-entropy and accuracy. `pretrained` says that `model` gives the same weights each time on purpose: they are
    theta_0 of all trials, and controls that need new weights, such as reinit, are refused. `margin`, in points of
    accuracy, and `loss_margin`, in units of the loss, say how much worse than the dense network is still no matter
    (see `analysis.evidence`): two standard deviations of one network's trials, from a pilot before the run. None takes
    them from the dense networks of the run itself. They change no result, and are not part of an identity.
    """

    name: str
    data: str | data.Dataset
    model: Callable[[data.Dataset], nn.Module]
    objective: objectives.Objective = objectives.classification
    pretrained: bool = False
    margin: float | None = None
    loss_margin: float | None = None

    @functools.cached_property
    def dataset(self) -> data.Dataset:
        """The data set, read once."""
        return data.load(self.data) if isinstance(self.data, str) else self.data

    def build(self) -> nn.Module:
        """A new network. Raises LotteryError where `model` gives none."""
        if isinstance(self.model, nn.Module) or not callable(self.model):
            raise LotteryError(
                f"the model of task {self.name!r} is {type(self.model).__name__}: give a function that builds a new "
                "network each time, for example `lambda data: Net()`."
            )
        if not isinstance(self.dataset, data.Dataset):
            raise LotteryError(
                f"the data of task {self.name!r} is {type(self.dataset).__name__}: give the name of a data set, or make one "
                "with lthlib.data.from_arrays."
            )
        before = self.dataset.versions()
        try:
            inspect.signature(self.model).bind(self.dataset)
        except TypeError as error:
            raise LotteryError(
                f"the model of task {self.name!r} does not take the data set alone: give a function such as `lambda data: Net()`."
            ) from error
        except ValueError:  # no signature to be had
            pass
        with blamed(f"the model of task {self.name!r} cannot build a network", "make it take the data set and return one"):
            network = self.model(self.dataset)
        if not isinstance(network, nn.Module):
            raise LotteryError(f"the model of task {self.name!r} returned {type(network).__name__}: return a torch.nn.Module.")
        if any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers())):
            raise LotteryError(f"the model of task {self.name!r} is on the device meta, without numbers: build it on the CPU.")
        if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in network.parameters()):
            raise LotteryError(f"the model of task {self.name!r} has lazy layers: give their input sizes, so that weights exist.")
        if self.dataset.versions() != before:
            raise LotteryError(f"the model of task {self.name!r} writes into its data set: let it copy what it changes.")
        return network

    def check(self, network: nn.Module) -> None:
        """Raise LotteryError where network, data and objective do not fit in evaluation mode (`tasks.check`)."""
        check.evaluation(self, network)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with all that can change results (see `facts`).

        Only `resolve` asks for it, and only for a task of your own: one that lthlib ships is known by its
        name. Raises LotteryError for what cannot be described.
        """
        return digest(self.facts())

    def facts(self) -> Facts:
        """What defines the task: the network, its code and initial weights, the data, and the objective, each
        with where it is (see `core.digest`)."""
        with models.seeded(seed_for("fingerprint")):  # no seed that a `build` of the user's would set
            network = self.build()
        objective = facts(self.objective, "the objective")
        return [*facts(network, "the network"), ("the data", self.dataset.fingerprint()), *objective]
