"""Training whose masks move: when, and what carries on. What moves where is `pruning.moving`.

A network trained by the weights it keeps alone is built anew around its new mask, from the same weights and what
its optimiser remembers of them; that takes about as long as six of its steps, once in `moves.every` of them.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from lthlib.pruning import moving
from lthlib.pruning.masks import Mask
from lthlib.settings import Moves, Recipe
from lthlib.training.randomness import Keyed
from lthlib.training.stack import Memory, Ticket

# What is trained from here on, made anew of a ticket and what trained it so far; or None where that only
# needs to be told.
Rebuild = Callable[[Ticket, Any], Any]


class Movement:
    """The masks of tickets that are trained together, all with the same `moves`; `masks` are the present
    ones."""

    def __init__(self, tickets: Sequence[Ticket], moves: Moves, recipe: Recipe):
        self.tickets, self.moves, self.end = list(tickets), moves, recipe.iterations
        self.iterations = set(moving.iterations_of(self.moves, recipe.iterations))
        self.masks = [moving.first_mask(self.moves, ticket.mask) for ticket in tickets]

    def at_the_start(self) -> list[Ticket]:
        """The tickets under the masks that training starts with."""
        return [dataclasses.replace(ticket, mask=mask) for ticket, mask in zip(self.tickets, self.masks)]

    def move(self, stack, batch: Tensor, views: Tensor | None, iteration: int, rebuild: Rebuild):
        """Move the masks of a `Stack` or a `SparseNetwork` in the place of a step on this batch; what is trained from
        here on. `rebuild(ticket, stack)` gives another for the ticket under its new mask, or None."""
        before, state = self.masks, {name: tensor.cpu() for name, tensor in stack.state().items()}
        found = None
        if self.moves.method in moving.NEEDS_GRADIENT:
            found = {name: tensor.cpu() for name, tensor in stack.gradients(batch, views).items()}
        self.masks = [self._next(index, state, found, iteration) for index in range(len(before))]
        if len(before) == 1:
            weights = {name: tensor[0].clone() for name, tensor in state.items()}
            ticket = dataclasses.replace(self.tickets[0], weights=weights, mask=self.masks[0])
            left = _left_by(stack, before[0])
            if (other := rebuild(ticket, stack)) is not None:
                _carry_on(other, *left)
                return other
        stack.remask(self.masks)
        return stack

    def _next(self, index: int, state: dict[str, Tensor], found: dict[str, Tensor] | None, iteration: int) -> Mask:
        ticket, mask = self.tickets[index], self.masks[index]
        weights = {name: state[name][index] for name in mask}
        gradients = None if found is None else {name: found[name][index] for name in mask}
        return moving.next_mask(
            self.moves, mask, weights, iteration, self.end, target=ticket.mask, gradients=gradients, seed=ticket.order_seed
        )


def _left_by(stack, mask: Mask) -> tuple[Memory, list[Tensor]]:
    """What training leaves besides weights: the optimiser's memory of those that `mask` kept, and where the layers
    that draw have come to."""
    memory: Memory = stack.memory()
    moments = dict(memory.moments)
    for name, kept in mask.items():
        moments[name] = [part.masked_fill(~kept, 0.0) for part in moments.get(name, [])]
    keys = [layer.key.clone() for layer in stack.model.modules() if isinstance(layer, Keyed)]
    return Memory(memory.steps, moments), keys


def _carry_on(stack, memory: Memory, keys: list[Tensor]) -> None:
    stack.remember(memory)
    drawing = (layer for layer in stack.model.modules() if isinstance(layer, Keyed))
    for layer, key in zip(drawing, keys, strict=True):
        layer.key.copy_(key)
