"""Networks of one architecture that are trained side by side on one device.

Weights of R tickets are stacked along a leading axis and the network is mapped over it (`torch.func.vmap`):
linear layers become batched matrix products, convolutions grouped ones, batch norm keeps statistics for each
ticket. Optimisers work on each number by itself, so one fused step serves the whole stack. One ticket alone
is trained by the module itself. On a CUDA card a step is captured once as a graph and then replayed: a small
network's step is otherwise mostly waiting.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map_only

from lthlib import models
from lthlib.data import Split
from lthlib.pruning import masks
from lthlib.settings import Moves, Recipe
from lthlib.training import objectives, randomness
from lthlib.training.objectives import Objective, classification

# On a CPU: what a convolution makes of a larger batch leaves the cache, and takes 2.5 times as long.
EVALUATION_BATCH = 250
EVALUATION_BATCH_ON_CARD = 1000
EVALUATION_NUMBERS = 2**26  # at most in one layer's output, over all tickets: a quarter of a gibibyte
EAGER_CALLS = 3  # before a capture: what torch allocates on first use must be there already
NORMALISATION_LAYERS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True, eq=False)
class Ticket:
    """What is trained in isolation: weights (all parameters and buffers, by name), their mask, and the order
    of the data.

    `start` is the iteration that the weights come from: training goes on from there, with a fresh optimiser.
    Masked weights are zero, but for those that `frozen` names: they stay at the value they have in `weights`.
    With `moves` the mask moves while it is trained (`training.moving`): `mask` is the one chosen before.
    """

    weights: dict[str, Tensor]
    mask: masks.Mask
    order_seed: int
    start: int = 0
    frozen: masks.Mask | None = None
    moves: Moves | None = None


@dataclass(frozen=True, eq=False)
class Memory:
    """What an optimiser remembers after so many steps: of each parameter by name its momentum (SGD), or its
    first and second moment (Adam), of the parameter's shape; nothing before the first step."""

    steps: int
    moments: dict[str, list[Tensor]]


class Stack:
    """R tickets on their way through training. All tensors it takes and gives have R as their leading axis.

    Masked weights are exactly zero, or at their frozen value, at the start and after every step. `optimizer` makes
    another than the recipe's.
    """

    def __init__(
        self,
        model: nn.Module,
        tickets: Sequence[Ticket],
        recipe: Recipe,
        train: Split,
        device: torch.device,
        objective: Objective = classification,
        optimizer: Callable[..., Any] | None = None,
    ):
        self.recipe, self.train, self.device, self.size = recipe, train, device, len(tickets)
        self.objective, self._minimised = objective, objectives.smoothed(objective, recipe.label_smoothing)
        self.model = randomness.own_random_layers(copy.deepcopy(model)).to(device)
        if device.type == "cpu" and self.size == 1:
            self.model = _channels_last(self.model, train.inputs[:2])
        most = EVALUATION_BATCH if device.type == "cpu" else EVALUATION_BATCH_ON_CARD
        one, two = (_widest(self.model, train.inputs[:count].clone()) for count in (1, 2))
        per_example = two - one if len(train) > 1 else one
        self._chunk = EVALUATION_NUMBERS  # of a network that works on a whole graph for any number of nodes
        if per_example:
            self._chunk = max(1, min(most, EVALUATION_NUMBERS // (self.size * per_example)))
        further = models.aliases(self.model)
        self._names = {name: further.get(name, name) for name in self.model.state_dict()}
        self._full = recipe.precision == "float32"
        self._exact = set() if self._full else _keep_normalisation_exact(self.model)
        self._fill(tickets)
        self._mask(tickets)
        self._rate = recipe.learning_rate
        if device.type == "cuda":  # a captured step reads it from the card
            self._rate = torch.tensor(self._rate, device=device)
        self.optimizer = (optimizer or _optimizer)(self.parameters.values(), recipe, self._rate, device)
        exact = torch.float32 if device.type == "mps" else torch.float64
        self._batch: Any = None  # the examples of the step, and how they are seen: once captured they stay where they are
        self._views: Any = None
        self._validation = torch.zeros(2, self.size, dtype=exact, device=device)
        self._run_step, self._run_validation = self._captured(self._step), None

    def _fill(self, tickets: Sequence[Ticket]) -> None:
        """Parameters and buffers from the tickets; of one ticket they are the module's own."""
        states = []
        for ticket in tickets:
            models.load(self.model, models.tied(self.model, ticket.weights))
            randomness.key_random_layers(self.model, ticket.order_seed, ticket.start)
            if self.size > 1:  # the next ticket is loaded into the same module
                tensors = [*self.model.named_parameters(), *self.model.named_buffers()]
                states.append({name: tensor.detach().clone() for name, tensor in tensors})
        self.parameters: dict[str, Tensor] = dict(self.model.named_parameters())
        self.buffers = dict(self.model.named_buffers())
        if self.size == 1:
            return
        for name, parameter in self.parameters.items():
            stacked = torch.stack([state[name] for state in states])
            self.parameters[name] = stacked.requires_grad_(parameter.requires_grad)
        for name in self.buffers:
            self.buffers[name] = torch.stack([state[name] for state in states])

    def _mask(self, tickets: Sequence[Ticket]) -> None:
        """Set masked weights to zero or their frozen value, and note what every step must set again."""
        kept = {name: self._stacked(name, [ticket.mask for ticket in tickets]) for name in tickets[0].mask}
        if not any(ticket.moves for ticket in tickets):
            kept = {name: mask for name, mask in kept.items() if not mask.all()}  # a whole layer needs no masking
        self._pruned = [self.parameters[name].data for name in kept]
        self._factors = [torch.empty_like(self.parameters[name]).copy_(mask) for name, mask in kept.items()]
        self._factor_of = dict(zip(kept, self._factors))
        self._frozen = self._frozen_values(tickets, kept)  # before the masks wipe them out
        for name, mask in kept.items():  # not by multiplying: what is masked may be infinite
            self.parameters[name].data.masked_fill_(~mask, 0.0)
        if self._frozen:
            torch._foreach_add_(self._pruned, self._frozen)

    def _frozen_values(self, tickets: Sequence[Ticket], kept: masks.Mask) -> list[Tensor]:
        """For each layer of `kept`: the weights that are masked but frozen, zero elsewhere. Empty where no
        ticket has any."""
        if not any(ticket.frozen for ticket in tickets):
            return []
        none = {name: torch.zeros_like(mask) for name, mask in tickets[0].mask.items()}
        values = []
        for name, mask in kept.items():
            frozen = self._stacked(name, [ticket.frozen or none for ticket in tickets])
            values.append(self.parameters[name].data.masked_fill(~frozen | mask, 0.0))
        return values

    def _stacked(self, name: str, by_ticket: Sequence[masks.Mask]) -> Tensor:
        """The masks of one weight, in the shape and on the device of the parameter."""
        stacked = torch.stack([mask[name] for mask in by_ticket]).to(self.device)
        return stacked.view_as(self.parameters[name])

    def step(self, batch: Tensor, views: Tensor | None, iteration: int) -> None:
        """One optimiser step on the examples `batch` [R, B] of the training split, seen as `views` [R, B]
        say."""
        self._set_rate(self.recipe.learning_rate_at(iteration))
        if self._batch is None:  # what a graph reads stays where it was when captured
            self._batch, self._views = batch.clone(), None if views is None else views.clone()
        self._batch.copy_(batch)
        if views is not None:
            self._views.copy_(views)
        self._run_step()

    def gradients(self, batch: Tensor, views: Tensor | None) -> dict[str, Tensor]:
        """The dense gradient [R, ...] of every parameter for a batch, as `step` takes it: also of masked
        weights."""
        loss, trained = self._loss(batch, views), {name: p for name, p in self.parameters.items() if p.requires_grad}
        found = torch.autograd.grad(loss, list(trained.values()))
        return {name: part if self.size > 1 else part.unsqueeze(0) for name, part in zip(trained, found)}

    def remask(self, moved: Sequence[masks.Mask]) -> None:
        """Go on under other masks, of tickets with `moves`. What grows starts at zero, in the weights and in
        what the optimiser remembers."""
        for name, factor in self._factor_of.items():
            kept, parameter = self._stacked(name, moved), self.parameters[name]
            grown = kept & (factor == 0)
            factor.copy_(kept)
            parameter.data.masked_fill_(~kept, 0.0)
            for part in self.optimizer.state.get(parameter, {}).values():
                if isinstance(part, Tensor) and part.shape == parameter.shape:
                    part.masked_fill_(grown, 0.0)

    def memory(self) -> Memory:
        """What the optimiser remembers of a stack of one ticket."""
        moments, steps = {}, 0
        for name, parameter in self.parameters.items():
            state = self.optimizer.state.get(parameter, {})
            steps = int(state.get("step", steps))
            found = [state.get(part) for part in ("momentum_buffer", "exp_avg", "exp_avg_sq")]
            moments[name] = [part.detach().clone().contiguous() for part in found if part is not None]
        return Memory(steps, moments)

    def validate(self, split: Split) -> tuple[Tensor, Tensor]:
        """`measure`, for the one split that is measured again and again."""
        if self._run_validation is None:

            def measure() -> None:
                self._validation.copy_(torch.stack(self.measure(split)))

            self._run_validation = self._captured(measure)
        self._run_validation()
        loss, accuracy = self._validation.clone()
        return loss, accuracy

    @torch.no_grad()  # not inference_mode: a module may keep a tensor of its first forward for training
    def measure(self, split: Split) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy (0 to 1) over every example of the split, in evaluation mode: two tensors
        [R]."""
        self.model.eval()
        losses, accuracies = torch.zeros_like(self._validation)
        usual = objectives.mean_weights(self.objective, split.targets.unsqueeze(0))
        for inputs, targets in zip(split.inputs.split(self._chunk), split.targets.split(self._chunk)):
            inputs, targets = inputs.clone(), targets.clone()  # a network, or an objective, may write into them
            outputs = self._forward(inputs, shared=True)
            loss, accuracy = self._judge(self.objective, outputs, targets.expand(self.size, *targets.shape), usual)
            losses += loss.sum(1)
            accuracies += accuracy.sum(1)
        return losses / len(split), accuracies / len(split)

    def state(self) -> dict[str, Tensor]:
        """Every parameter and buffer that a state_dict holds, [R, ...]: views of what training goes on
        changing."""
        tensors = {**self.parameters, **self.buffers}
        tensors = {name: tensors[own].detach() for name, own in self._names.items()}
        return tensors if self.size > 1 else {name: tensor.unsqueeze(0) for name, tensor in tensors.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Put these values, as `state` gives them, in place of the present ones."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def _loss(self, batch: Tensor, views: Tensor | None) -> Tensor:
        """The sum over tickets of the mean loss on a batch, for its gradients."""
        self.model.train()
        inputs, targets = _take(self.train.inputs, batch), _take(self.train.targets, batch)
        if views is not None:
            inputs = randomness.shift_and_flip(inputs, views)
        usual = objectives.mean_weights(self._minimised, targets)
        return self._judge(self._minimised, self._forward(inputs), targets, usual)[0].mean(1).sum()

    def _step(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self._loss(self._batch, self._views).backward()
        if self.recipe.gradient_clip:
            self._clip()
        self.optimizer.step()
        if self._pruned:
            torch._foreach_mul_(self._pruned, self._factors)
        if self._frozen:
            torch._foreach_add_(self._pruned, self._frozen)

    @torch.no_grad()
    def _clip(self) -> None:
        """Scale each ticket's gradient down to the largest norm that the recipe allows, as torch's
        `clip_grad_norm_` does; of masked weights it is zero."""
        found = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        for name in self._factor_of.keys() & found.keys():
            found[name].mul_(self._factor_of[name])
        norms = [torch.linalg.vector_norm(gradient.reshape(self.size, -1), dim=1) for gradient in found.values()]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        share = (self.recipe.gradient_clip / (norm + 1e-6)).clamp(max=1.0)
        for gradient in found.values():
            gradient.mul_(share.view(-1, *[1] * (gradient.dim() - 1)) if self.size > 1 else share[0])

    def _judge(self, objective: Objective, outputs: Any, targets: Tensor, usual) -> tuple[Tensor, Tensor]:
        """Loss and accuracy [R, B] of each example, for outputs and targets [R, B, ...]. Outputs may be a tuple
        or dictionary of such tensors, for objectives that take one. What weighs more than `usual`, the mean
        weights, counts more."""
        targets = targets.flatten(0, 1)
        judged = objective(tree_map_only(Tensor, lambda part: part.flatten(0, 1), outputs), targets)
        losses, accuracies = (part.view(self.size, -1) for part in judged)
        if usual is None:
            return losses, accuracies
        by_loss, by_accuracy = (part.view(self.size, -1) / mean for part, mean in zip(objective.weigh(targets), usual))
        return losses * by_loss, accuracies * by_accuracy

    def _forward(self, inputs: Tensor, shared: bool = False) -> Any:
        """Outputs [R, B, ...] for inputs [R, B, ...], or [B, ...] where all tickets share them."""
        if self.size > 1:
            mapped = vmap(self._call, in_dims=(0, 0, None if shared else 0))
            return mapped(self.parameters, self.buffers, inputs)
        inputs = inputs if shared else inputs.squeeze(0)
        outputs = self.model(inputs) if self._full else self._call(self.parameters, self.buffers, inputs)
        return tree_map_only(Tensor, lambda part: part.unsqueeze(0), outputs)

    def _call(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Any:
        if self._full:
            return functional_call(self.model, (parameters, buffers), (inputs,))
        low = {name: p if name in self._exact else p.bfloat16() for name, p in parameters.items()}
        if inputs.is_floating_point():  # tokens and node numbers stay whole
            inputs = inputs.bfloat16()
        outputs = functional_call(self.model, (low, buffers), (inputs,))
        return tree_map_only(Tensor, lambda part: part.float(), outputs)

    def _set_rate(self, rate: float) -> None:
        if isinstance(self._rate, Tensor):
            self._rate.fill_(rate)
        else:
            self.optimizer.param_groups[0]["lr"] = rate

    def _captured(self, work: Callable[[], None]) -> Callable[[], None]:
        return _Captured(work, self.device) if self.device.type == "cuda" else work


class _Captured:
    """Work on a CUDA card, done step by step a few times, then captured as a graph and replayed.

    Everything that the work reads and writes must stay where it is in memory.
    """

    def __init__(self, work: Callable[[], None], device: torch.device):
        self.work, self.device, self.graph, self.done = work, device, None, 0

    def __call__(self) -> None:
        if self.graph is None:
            side = torch.cuda.Stream(self.device)
            side.wait_stream(torch.cuda.current_stream(self.device))
            if self.done == EAGER_CALLS:  # a capture runs nothing yet
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph, stream=side):
                    self.work()
            else:
                self.done += 1
                with torch.cuda.stream(side):
                    self.work()
            torch.cuda.current_stream(self.device).wait_stream(side)
        if self.graph is not None:
            self.graph.replay()


def _take(split: Tensor, batch: Tensor) -> Tensor:
    """Examples [N, ...] at the indices [R, B], as [R, B, ...]."""
    return split.index_select(0, batch.flatten()).view(*batch.shape, *split.shape[1:])


def _optimizer(parameters, recipe: Recipe, rate, device: torch.device) -> torch.optim.Optimizer:
    options = {"lr": rate, "weight_decay": recipe.weight_decay, "fused": device.type in ("cpu", "cuda")}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=recipe.momentum, **options)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, capturable=device.type == "cuda", **options)


def _channels_last(model: nn.Module, inputs: Tensor) -> nn.Module:
    """The model with the channels of its convolutions last in memory, which makes them 1.1 to 1.5 times as fast on a
    CPU; or as it is, where its own code does not take that, as `view` of a map does not."""
    if not any(isinstance(layer, nn.Conv2d) for layer in model.modules()):
        return model
    changed = copy.deepcopy(model).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            copy.deepcopy(changed).train()(inputs.clone())
    except Exception:  # whatever a network's own code raises; what is wrong with it in any order is said elsewhere
        return model
    return changed


def _keep_normalisation_exact(model: nn.Module) -> set[str]:
    """Let normalisation layers compute in float32 inside a pass in bfloat16; the names of their parameters."""
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, NORMALISATION_LAYERS)}
    for layer in layers.values():
        layer.register_forward_pre_hook(lambda _, inputs: tuple(x.float() for x in inputs))
        layer.register_forward_hook(lambda _, inputs, output: output.bfloat16())
    return {f"{name}.{own}" for name, layer in layers.items() for own, _ in layer.named_parameters()}


@torch.no_grad()
def _widest(model: nn.Module, inputs: Tensor) -> int:
    """The largest number of numbers that a layer takes or gives for these inputs [n, ...]."""
    sizes = [inputs.numel()]

    def note(layer, inputs, output) -> None:
        sizes.append(output.numel() if isinstance(output, Tensor) else 0)

    hooks = [layer.register_forward_hook(note) for layer in model.modules()]
    model.eval()(inputs)
    for hook in hooks:
        hook.remove()
    return max(sizes)
