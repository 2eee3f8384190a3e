"""Take a ticket with you: its weights in plain PyTorch, in a file, or in the form of torch.nn.utils.prune.

ticket = lthlib.export.ticket(table, level=5)     # the weights behind the test accuracy that is reported
network = ticket.into(Net())                      # your network with these weights
ticket.save("ticket.safetensors")                 # or .pt, or .onnx
"""

import copy
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded
from lthlib.core.validation import at_least, one_of
from lthlib.core.version import __version__
from lthlib.pruning.masks import Mask, as_mask, density
from lthlib.settings import Setting
from lthlib.storage.store import TICKET, Key, Record, Store, setting_name

AT = ("early_stop", "end")
SUFFIXES = (".safetensors", ".pt", ".onnx")


@dataclass(frozen=True, eq=False)
class Exported:
    """A trained ticket by itself.

    `state_dict` holds all parameters and buffers, exactly zero where `mask` prunes. `about` says in text what
    it is: task, setting (its identity), settings (what the identity stands for, as JSON), trial, level, at,
    iteration, density, test_accuracy and test_loss of these weights, and the versions of torch and lthlib.
    """

    state_dict: dict[str, Tensor]
    mask: Mask
    about: dict[str, str]

    def into(self, network: nn.Module) -> nn.Module:
        """A copy of `network`, such as the task builds, with these weights, in evaluation mode.

        Raises LotteryError where its parameters and buffers have other names or shapes.
        """
        network = copy.deepcopy(network).eval()
        try:
            models.load(network, self.state_dict)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            fix = f"give the network of task {self.about['task']!r}, as its function builds it"
            raise LotteryError(f"the ticket does not fit this network ({reason}): {fix}.") from error
        return network

    def pruned(self, network: nn.Module) -> nn.Module:
        """As `into`, with the mask in the form of torch.nn.utils.prune, so that it holds in further training."""
        return to_torch_prune(self.into(network), self.mask)

    def save(
        self, path: str | Path, network: nn.Module | None = None, example: Tensor | None = None, overwrite: bool = False
    ) -> Path:
        """Write a file, by the end of its name, and return its path.

        .safetensors  the state_dict, with `about` as its metadata
        .pt           the state_dict, by torch.save
        .onnx         `network` with these weights, traced with inputs `example` [2 or more, ...]; takes any
                      number of examples. Needs the packages onnx and onnxscript

        Raises LotteryError for another ending, where a file is there already and is not to be overwritten,
        and where nothing can be written; then no file is left behind.
        """
        path = check_path(path, overwrite)
        if path.suffix == ".onnx":
            content = self._onnx(network, example)
        elif path.suffix == ".pt":
            torch.save(self.state_dict, stream := io.BytesIO())
            content = stream.getvalue()
        else:
            content = to_safetensors(self.state_dict, {"format": "pt", **self.about})
        try:
            write_atomically(path, content)
        except OSError as error:
            raise LotteryError(f"{path} could not be written ({error.strerror}): choose another place.") from error
        return path

    def _onnx(self, network: nn.Module | None, example: Tensor | None) -> bytes:
        if network is None or example is None:
            raise LotteryError("an .onnx file holds the network itself: give save its network, and an example of its inputs.")
        batch = {0: torch.export.Dim.AUTO}
        try:
            program = torch.onnx.export(
                self.into(network), (example,), dynamo=True, dynamic_shapes=(batch,), verbose=False
            )  # fmt: skip
        except ImportError as error:
            missing = "torch writes ONNX with the packages onnx and onnxscript, which are missing"
            raise LotteryError(f"{missing}: pip install onnx onnxscript, or choose .safetensors.") from error
        except Exception as error:  # torch raises many kinds for what it cannot translate
            reason = str(error).strip().partition("\n")[0]
            raise LotteryError(
                f"torch cannot write {type(network).__name__} as ONNX ({reason}): choose .safetensors, or change the network."
            ) from error
        assert program is not None  # it is, with dynamo
        model = program.model_proto
        for name, value in self.about.items():
            model.metadata_props.add(key=name, value=value)
        return model.SerializeToString()


def ticket(
    source: str | pd.DataFrame | Setting,
    level: int,
    trial: int = 0,
    at: str = "early_stop",
    results: str | Path | None = None,
) -> Exported:
    """A trained ticket of a hunt whose results are in the folder `results` (None: `LTHLIB_RESULTS` or
    results/).

    `source` is the hunt's table, its Setting, "task/identity", or the name of a task that has one setting
    there. `at` says which weights: "early_stop", those that `test_accuracy` belongs to, or "end", those of
    `final_test_accuracy`. Raises LotteryError where there is no such ticket, and where an older lthlib stored
    it, which kept the weights of the end alone.
    """
    one_of("place of the weights (at)", at, AT)
    trial, level = at_least("trial", trial, 0), at_least("level", level, 0)
    store = Store(results, writable=False)
    setting, key = _setting(store, source), Key(TICKET, trial, level)
    if not store.has(setting, key):
        raise LotteryError(f"{store.folder} has no ticket of trial {trial}, level {level}: {_instead(store, setting)}.")
    record = store.load(setting, key)
    iteration, weights = _weights(record, at)
    measured = zip(*(record.history[column] for column in ("iteration", "split", "accuracy", "loss")))
    [(accuracy, loss)] = [rest for when, split, *rest in measured if (when, split) == (iteration, "test")]
    about = {
        "task": setting.task,
        "setting": setting.identity(),
        "settings": json.dumps(setting.changes()),
        "trial": trial,
        "level": level,
        "at": at,
        "iteration": iteration,
        "density": density(record.mask),
        "test_accuracy": accuracy,
        "test_loss": loss,
        "torch": torch.__version__,
        "lthlib": __version__,
    }
    return Exported(weights, record.mask, {name: str(value) for name, value in about.items()})


def check_path(path: str | Path, overwrite: bool = False) -> Path:
    """Where `Exported.save` would write. Raises LotteryError where it would not."""
    path = expanded(path)
    if path.suffix not in SUFFIXES:
        raise LotteryError(f"{str(path)!r} names no format: let it end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    if not path.parent.is_dir():
        raise LotteryError(f"there is no folder {str(path.parent)!r}: make it first, or choose another.")
    if path.is_dir() or (path.exists() and not overwrite):
        raise LotteryError(f"{str(path)!r} is there already: choose another name, or overwrite it (overwrite=True, --force).")
    return path


def to_torch_prune(model: nn.Module, mask: Mask) -> nn.Module:
    """Put the mask on `model` as torch.nn.utils.prune does (`weight_orig` and `weight_mask`), in place;
    returns `model`. A weight that layers share is masked in each of them, and stays shared."""
    first = {id(parameter): name for name, parameter in model.named_parameters()}
    for module in model.modules():
        for own, parameter in list(module.named_parameters(recurse=False)):
            if (name := first[id(parameter)]) in mask:
                torch_prune.custom_from_mask(module, own, mask[name].to(parameter.device))
    return model


def from_torch_prune(model: nn.Module) -> Mask:
    """The mask that torch.nn.utils.prune has put on `model`: one entry for each of its pruned parameters.

    Raises LotteryError where it carries none, or where layers that share a weight do not share its mask.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    pruned = {}
    for buffer, tensor in model.named_buffers(remove_duplicate=False):
        name = buffer.removesuffix("_mask")
        if name != buffer and f"{name}_orig" in parameters:  # not a mask of the user's own
            pruned[name] = tensor
    if not pruned:
        kind = type(model).__name__
        fix = "prune it first, or use lthlib.masks.ones"
        raise LotteryError(f"{kind} carries no mask of torch.nn.utils.prune: {fix}.")
    first: dict[int, str] = {}
    for name, parameter in parameters.items():
        own, name = first.setdefault(id(parameter), name).removesuffix("_orig"), name.removesuffix("_orig")
        if name == own or (own not in pruned and name not in pruned):
            continue
        other = pruned.pop(name, None)
        if other is None or own not in pruned or not torch.equal(other, pruned[own]):
            raise LotteryError(f"{own!r} and {name!r} are one weight, and not under one mask: prune both alike.")
    return as_mask(pruned)


def _setting(store: Store, source: str | pd.DataFrame | Setting) -> Setting:
    if isinstance(source, Setting):
        return source
    name = setting_name(source)
    if not isinstance(name, str):
        raise LotteryError(f"the source is {name!r}: give a hunt's table, or task/identity as a text.")
    if "/" in name:
        return store.find(name)
    settings = store.settings()
    named = [setting for setting in settings if setting.task == name]
    if len(named) == 1:
        return named[0]
    there = ", ".join(f"{setting.task}/{setting.identity()}" for setting in (named or settings)[:5])
    raise LotteryError(f"{store.folder} has {len(named)} settings of task {name!r}: choose one, such as {there or 'none'}.")


def _instead(store: Store, setting: Setting) -> str:
    """What there is in place of a ticket that is not there."""
    table = store.table([setting])
    tickets = table[table.method == table.schedule]
    if tickets.empty:
        return "it has none of this setting, so run the hunt first"
    return f"there are trials 0 to {tickets.trial.max()} and levels 0 to {tickets.level.max()}"


def _weights(record: Record, at: str) -> tuple[int, dict[str, Tensor]]:
    """The iteration of a ticket's early stop, or end, and its weights there: test accuracy is measured at
    both."""
    history = record.history
    measured = [when for when, split in zip(history["iteration"], history["split"]) if split == "test"]
    stop, end = min(measured), max(measured)
    weights = record.weights if at == "end" or stop == end else record.early_stop
    if weights is None:
        raise LotteryError(
            f"the weights of early stop (iteration {stop}) were not kept, since an older lthlib stored this ticket: run the "
            "hunt again with another results folder, or ask for those of the end (at='end')."
        )
    return (end if at == "end" else stop), weights
