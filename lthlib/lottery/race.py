"""Tickets of one's own beside those of a hunt: trained as its tickets of that level were, and measured
alike.

For questions in which each trial needs a mask or weights of its own that no control makes, such as the mask
of another network. Results have the columns of a hunt's table, so that whatever reads one reads the other.
"""

import hashlib
from collections.abc import Mapping

import pandas as pd
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.progress import bar
from lthlib.lottery.controls import CONTROLS
from lthlib.lottery.search import Hunt
from lthlib.pruning import masks
from lthlib.storage.records import collect, labelled
from lthlib.storage.store import TICKET, Key
from lthlib.training import engine
from lthlib.training.stack import Ticket


def race(
    search: Hunt,
    level: int,
    tickets: Mapping[tuple[str, int], Ticket],
    *,
    device: str = "auto",
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train these tickets by the recipe that the hunt has for a level: a tidy table with the columns of
    `hunt`.

    `tickets` are named by (method, trial), the method in words of your own, which the table has in its
    column `method`. What was measured is kept in the hunt's store under a name made of all that a ticket
    is, so that the same ticket is not trained again; its weights are not kept. Other arguments as in
    `hunt`. Raises LotteryError for a method that is the name of a control or a schedule, since tables would
    mix the two up.
    """
    for method, _ in tickets:
        if method in CONTROLS or method in (TICKET, search.setting.schedule):
            raise LotteryError(f"the method {method!r} is one of the library's: give yours another name.")
    setting, store = search.setting, search.store
    notes = {name: f"race-{digest(ticket, level)}" for name, ticket in tickets.items()}
    places = {name: Key(TICKET, name[1], level) for name in tickets}
    found = {name: store.recall(setting, places[name], note) for name, note in notes.items()}
    todo = [name for name, content in found.items() if content is None]
    shown = bar(len(todo), progress)
    if todo:
        training = engine.train(
            [tickets[name] for name in todo], search.recipe(level), search.task.dataset, model=search.network,
            objective=search.task.objective, device=device, workers=workers,
        )  # fmt: skip
        for place, trained in training:
            name = todo[place]
            density = masks.density(tickets[name].mask)
            content = {"history": trained.history, "density": density, "seconds": trained.seconds}
            store.remember(setting, places[name], notes[name], content)
            found[name] = content
            shown.update(1)
    shown.close()
    shown.say(f"{setting.task}: {len(todo)} networks trained, {len(tickets) - len(todo)} found in the store.")
    contents = {Key(method, trial, level): content for (method, trial), content in found.items() if content}
    return labelled(collect(contents), setting)


def digest(ticket: Ticket, level: int = 0) -> str:
    """12 hexadecimal digits that tell tickets apart: weights, mask, order of the data, start, what is
    frozen, and the level whose recipe trains it."""
    made_of = hashlib.sha256(f"{ticket.order_seed}/{ticket.start}/{level}".encode())
    parts = {"weights": ticket.weights, "mask": ticket.mask, "frozen": ticket.frozen or {}}
    for what, tensors in parts.items():
        for name, tensor in tensors.items():
            made_of.update(f"{what}/{name}/{tuple(tensor.shape)}/{tensor.dtype}".encode())
            made_of.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return made_of.hexdigest()[:12]
