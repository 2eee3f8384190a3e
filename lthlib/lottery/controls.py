"""The controls of a ticket, a function each: what it puts in the place of the ticket, and so what it is a
control for.

A control differs from the ticket in what its name says, alone. Apart from `dense` and `fork`, all see the
data in the ticket's order. New weights are trained from iteration 0, also where the ticket is rewound to a
later one: no control gets fewer iterations than a ticket and its rewind point together.

To add one, write a function below one of three decorators, in the order in which messages should list it:

    @control            ticket(place) -> Ticket, from anything a `Place` has
    @weights_control    state(theta, mask, new, seed) -> state: the ticket's mask, other weights
    @frozen_control     which(mask, start, end) -> mask: masked weights that stay at theta_k in place of zero
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.core.validation import one_of, plain
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask
from lthlib.settings import CARRY_ON, Setting
from lthlib.storage.store import TICKET, Key
from lthlib.training.stack import Ticket

if TYPE_CHECKING:
    from lthlib.lottery.search import Hunt

State = dict[str, Tensor]


@dataclass(frozen=True)
class Place:
    """Where in a hunt a ticket or a control is made: its key, and the mask of that trial and level."""

    hunt: "Hunt"
    key: Key
    mask: Mask

    def seed(self, *purpose: str) -> int:
        """A seed for this control, trial, level and redraw, and for no other."""
        method = " ".join((self.key.method, *purpose))
        return self.hunt.seed(method, self.key.trial, self.key.level, self.key.redraw)

    @property
    def order(self) -> int:
        """The seed of the order in which the ticket sees the data."""
        return self.hunt.seed("order", self.key.trial, self.key.level)

    def theta_0(self) -> State:
        """The initial weights of the trial's network."""
        return self.hunt.initial_weights("weights", self.key.trial)

    def new_weights(self) -> State:
        """The initial weights of another network, drawn for this control."""
        return self.hunt.initial_weights("new weights", self.key.method, self.key.trial, self.key.level, self.key.redraw)

    def trained(self, level: int) -> State:
        """The weights of the trial's ticket at a level, at the end of its training."""
        return self.hunt.weights(Key(TICKET, self.key.trial, level))

    def theta_k(self) -> State:
        """The trial's dense network after the first k iterations of its training; theta_0 where k is 0."""
        return self.hunt.theta_k(self.key.trial)

    def ticket(self) -> Ticket:
        """The ticket itself. Schedules that carry on take the weights of the level before, others theta_k."""
        if self.key.level == 0:
            return Ticket(self.theta_0(), self.mask, self.order)
        if self.hunt.setting.moves:
            return self.from_theta_k(moves=self.hunt.setting.moves)
        if self.hunt.setting.schedule in CARRY_ON:
            before = self.trained(self.key.level - 1)
            return Ticket(before, self.mask, self.order, start=self.hunt.setting.rewind)
        return self.from_theta_k()

    def from_theta_k(self, **changes) -> Ticket:
        """The mask at theta_k, with other fields of the ticket in place of its own."""
        ticket = Ticket(self.theta_k(), self.mask, self.order, start=self.hunt.setting.rewind)
        return dataclasses.replace(ticket, **changes)


@dataclass(frozen=True)
class Control:
    """How a control is made, and where it belongs. `levels` is "pruned", "dense" (level 0 alone) or "all";
    `redrawn` whether something in it is drawn at random; `trains_alike` whether it is the ticket until
    training begins; `new_weights` whether it needs other initial weights than the ticket's; `objection` a
    sentence why a setting cannot have it."""

    make: Callable[[Place], Ticket]
    levels: str = "pruned"
    redrawn: bool = True
    trains_alike: bool = False
    new_weights: bool = False
    objection: Callable[[Setting], str | None] = lambda setting: None

    def is_at(self, level: int) -> bool:
        return self.levels == "all" or (self.levels == "dense") == (level == 0)


CONTROLS: dict[str, Control] = {}


def check_controls(
    controls: str | Iterable[str] | None, setting: Setting | None = None, pretrained: bool = False
) -> tuple[str, ...]:
    """Names of controls, from a list or a text with commas, each once.

    Raises LotteryError for an unknown one, for one that has no meaning under the setting, or for one that
    needs new weights where a task has `pretrained` ones.
    """
    controls = () if controls is None else plain(controls)
    if not isinstance(controls, Iterable):
        raise LotteryError(f"controls is {controls!r}: give names in a list, or in a text with commas.")
    names = controls.split(",") if isinstance(controls, str) else [str(name) for name in controls]
    names = [name.strip() for name in names if name.strip()]
    for name in names:
        one_of("control", name, CONTROLS)
        if setting and (objection := CONTROLS[name].objection(setting)):
            raise LotteryError(objection)
        if setting and setting.moves and name != "dense":
            advice = "hunt once more without moves, which trains the same first masks fixed"
            raise LotteryError(f"control {name!r} keeps the ticket's mask, but moves {setting.moves.method!r}: {advice}.")
        if pretrained and CONTROLS[name].new_weights:
            raise LotteryError(
                f"control {name!r} needs new initial weights, but with pretrained=True it would get the ticket's own and control "
                "nothing: leave it out, or build the network without pre-trained weights."
            )
    return tuple(dict.fromkeys(names))


def control(make: Callable[[Place], Ticket] | None = None, **where) -> Callable:
    """Register a control under its function's name; `where` are further fields of `Control`."""
    if make is None:
        return functools.partial(control, **where)
    CONTROLS[make.__name__] = Control(make, **where)
    return make


def weights_control(change: Callable[[State, Mask, State, int], State] | None = None, **where) -> Callable:
    """Register a control that has the ticket's mask and other weights at theta_k: `change` takes all
    parameters and buffers by name, the mask, another initial network's and a seed, and returns new ones.
    `where` are further fields of `Control`."""
    if change is None:
        return functools.partial(weights_control, **where)

    def make(place: Place) -> Ticket:
        return place.from_theta_k(weights=change(place.theta_k(), place.mask, place.new_weights(), place.seed()))

    CONTROLS[change.__name__] = Control(make, **where)
    return change


def frozen_control(choose: Callable[[Mask, State, State], Mask]) -> Callable:
    """Register a control that freezes the masked weights which `choose` names, at theta_k in place of zero:
    it takes the mask and the dense network's weights at theta_k and at the end."""

    def make(place: Place) -> Ticket:
        return place.from_theta_k(frozen=choose(place.mask, place.theta_k(), place.trained(0)))

    CONTROLS[choose.__name__] = Control(make)
    return choose


@control(new_weights=True)
def reinit(place: Place) -> Ticket:
    """The ticket's mask, new initial weights (Frankle & Carbin 2019, section 1)."""
    return Ticket(place.new_weights(), place.mask, place.order)


@control
def shuffle(place: Place) -> Ticket:
    """The ticket's weights, its mask shuffled inside each layer."""
    return place.from_theta_k(mask=masks.shuffle(place.mask, place.seed()))


@control(new_weights=True)
def random(place: Place) -> Ticket:
    """A random sparse network of the same layer densities: shuffled mask and new initial weights."""
    return Ticket(place.new_weights(), masks.shuffle(place.mask, place.seed()), place.order)


@control(levels="dense", trains_alike=True)
def dense(place: Place) -> Ticket:
    """The whole network from its theta_0, with another order of the data: what chance alone does."""
    return Ticket(place.theta_0(), place.mask, place.seed("order"))


def _no_reset(setting: Setting) -> str | None:
    if setting.schedule in CARRY_ON:
        return None
    schedules = " or ".join(map(repr, CARRY_ON))
    itself = f"control 'reset' is the ticket itself under schedule {setting.schedule!r}"
    return f"{itself}: choose schedule {schedules}, or leave it out."


@control(redrawn=False, trains_alike=True, objection=_no_reset)
def reset(place: Place) -> Ticket:
    """Under schedules that carry on with trained weights: the same mask, reset to theta_k."""
    return place.from_theta_k()


def _no_invert(setting: Setting) -> str | None:
    if setting.schedule != "transferred" and not setting.start_mask:
        return None
    given = "a mask of your own is taken as it is" if setting.start_mask else "schedule 'transferred' takes masks as they are"
    return f"control 'invert' needs scores, and {given}: leave it out."


@control(objection=_no_invert)
def invert(place: Place) -> Ticket:
    """The ticket's weights, a mask from the same network that this time removed the highest scores."""
    return place.from_theta_k(mask=place.hunt.next_mask(place.key.trial, place.key.level, invert=True))


@control(levels="all", trains_alike=True)
def fork(place: Place) -> Ticket:
    """The ticket with another order of the data; its weights are kept.

    At level 0 it is the dense network from theta_k on, with a fresh optimiser. The dense run itself goes on
    with the optimiser state that it has at k; so for k above 0 the copy of a fork is another fork, and two
    redraws are needed (`analysis.mode_connectivity`).
    """
    ticket = place.ticket() if place.key.level else place.from_theta_k()
    return dataclasses.replace(ticket, order_seed=place.seed("order"))


# Zhou et al. (2019), arXiv 1905.01067.


@weights_control(new_weights=True)
def reinit_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """New initial weights that are given the signs of the old ones (section 4)."""
    return theta | {name: new[name].abs() * theta[name].sign() for name in mask}


@weights_control
def reshuffle(theta: State, mask: Mask, new: State, seed: int) -> State:
    """Each layer's surviving weights change places among themselves at random, signs and all (section 4)."""
    return theta | {name: _permuted(theta[name], kept, seed) for name, kept in mask.items()}


@weights_control
def reshuffle_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """As `reshuffle`, but every place keeps its sign: only the sizes change places (section 4)."""
    moved = reshuffle(theta, mask, new, seed)
    return theta | {name: moved[name].abs() * theta[name].sign() for name in mask}


@weights_control(new_weights=True)
def constant(theta: State, mask: Mask, new: State, seed: int) -> State:
    """Every weight is plus or minus one number a layer, the standard deviation of its weights, at random
    (section 4)."""
    return theta | {name: theta[name].std(correction=0) * new[name].sign() for name in mask}


@weights_control
def constant_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """As `constant`, with the signs that the weights have: nothing is left of theta_k but its signs (section
    4)."""
    return theta | {name: theta[name].std(correction=0) * theta[name].sign() for name in mask}


@frozen_control
def frozen(mask: Mask, start: State, end: State) -> Mask:
    """All masked weights stay at theta_k in place of zero (section 3)."""
    return {name: ~kept for name, kept in mask.items()}


@frozen_control
def frozen_away(mask: Mask, start: State, end: State) -> Mask:
    """The masked weights that dense training moved away from zero stay at theta_k; the others become zero
    (section 3)."""
    return {name: ~kept & (end[name].abs() > start[name].abs()) for name, kept in mask.items()}


def _permuted(weight: Tensor, kept: Tensor, seed: int) -> Tensor:
    values = weight[kept]
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    return weight.masked_scatter(kept, values[order])
