"""A task: data, network and objective together."""

import copy
import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.tasks.fingerprint import described, written
from lthlib.training import objectives


@dataclass(frozen=True)
class Task:
    """Data, network and objective together.

    `data` is the name of a data set or a Dataset of your own. `model` makes a new network for it, freshly
    initialised each time it is called: every trial and every reinit control asks for one under its own seed.
    `objective` says what is minimised and how accuracy is measured (see `lthlib.training.objectives`): without one,
    cross-entropy and accuracy.
    """

    name: str
    data: str | data.Dataset
    model: Callable[[data.Dataset], nn.Module]
    objective: objectives.Objective = objectives.classification

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
        network = self.model(self.dataset)
        if not isinstance(network, nn.Module):
            raise LotteryError(f"the model of task {self.name!r} returned {type(network).__name__}: return a torch.nn.Module.")
        if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in network.parameters()):
            raise LotteryError(f"the model of task {self.name!r} has lazy layers: give their input sizes, so that weights exist.")
        if self.dataset.versions() != before:
            raise LotteryError(f"the model of task {self.name!r} writes into its data set: let it copy what it changes.")
        return network

    def check(self, network: nn.Module) -> None:
        """Raise LotteryError where the network does not give what the objective needs for two examples of
        every split."""
        dataset, network = self.dataset, copy.deepcopy(network).eval()
        if not callable(self.objective):
            raise LotteryError(
                f"the objective of task {self.name!r} is {type(self.objective).__name__}: give a function such as "
                "lthlib.training.objectives.next_token."
            )
        for name in ("train", "validation", "test"):
            inputs, targets = getattr(dataset, name).inputs[:2], getattr(dataset, name).targets[:2]
            try:
                with torch.no_grad():
                    outputs = network(inputs)
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                raise LotteryError(
                    f"the network of task {self.name!r} cannot take {name} inputs of shape {list(inputs.shape)} "
                    f"({' '.join(str(error).split())}): make the two fit."
                ) from error
            wrong = objectives.misfit(self.objective, outputs, targets, lambda: dataset.classes)
            if wrong:
                shape = list(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
                raise LotteryError(f"the network of task {self.name!r} gives {shape} for {len(inputs)} {name} examples: {wrong}")

    def fingerprint(self) -> str:
        """Digits that change with the network, its code, its initial weights under a fixed seed, the data, or
        the objective.

        Only `resolve` asks for it, and only for a task of your own: one that lthlib ships is known by its
        name."""
        network = self.build()
        text = [repr(network), self.dataset.fingerprint(), *map(written, network.modules())]
        text += [] if self.objective is objectives.classification else [described(self.objective)]
        digest = hashlib.sha256(json.dumps(text).encode())
        for name, tensor in models.initial_weights(self.build, seed=0).items():
            digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]
