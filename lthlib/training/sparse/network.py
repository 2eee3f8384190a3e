"""One ticket on its way through training with kernels: the same interface as `stack.Stack`, and the same
numbers to float tolerance."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lthlib import models
from lthlib.data import Split
from lthlib.settings import Recipe
from lthlib.training import objectives, randomness
from lthlib.training.objectives import Objective
from lthlib.training.sparse import pointwise
from lthlib.training.sparse.layers import Convolution, DenseLinear, SparseLinear
from lthlib.training.sparse.maps import lanes_for
from lthlib.training.sparse.products import TILE
from lthlib.training.sparse.rule import Plan
from lthlib.training.sparse.tape import Tape, Weights
from lthlib.training.sparse.weights import Kept, NormWeights, Optimizer, Whole
from lthlib.training.stack import Memory, Ticket


class SparseNetwork:
    """A ticket that is trained by the weights it keeps. `plan` is what `rule.plan` made of its network and
    mask. Tensors it takes and gives have a leading axis of 1, like a stack of one ticket."""

    size = 1

    def __init__(self, plan: Plan, ticket: Ticket, recipe: Recipe, train: Split, objective: Objective):
        self.recipe, self.train, self.device, self.objective = recipe, train, torch.device("cpu"), objective
        self.plan = plan
        self._minimised = objectives.smoothed(objective, recipe.label_smoothing)
        self.model, self._nodes = plan.model, plan.nodes
        models.load(self.model, ticket.weights)
        randomness.key_random_layers(self.model, ticket.order_seed, ticket.start)
        for name, parameter in self.model.named_parameters():
            if name in ticket.mask:
                parameter.data.masked_fill_(~ticket.mask[name], 0.0)
        self._weights: Weights = {}
        for node in plan.nodes:
            weights = _weights(node, plan, ticket)
            if weights is not None:
                self._weights[id(node)] = weights
        trained = [own for weights in self._weights.values() for own in weights.trained_parameters()]
        self.optimizer = Optimizer(trained, recipe)
        self._kept = [weights for weights in self._weights.values() if isinstance(weights, Kept)]
        self._whole = [weights for weights in self._weights.values() if isinstance(weights, Whole)]
        self._examples = train.inputs.reshape(len(train), -1).numpy()
        self._training: Tape | None = None
        self._evaluation: Tape | None = None

    def step(self, batch: Tensor, views: Tensor | None, iteration: int) -> None:
        """One optimiser step on the examples `batch` [1, B] of the training split, seen as `views` [1, B]
        say."""
        index = batch[0]
        if self._training is None or self._training.lanes < len(index):
            self._training = Tape(self._nodes, self._weights, lanes_for(len(index)), gradients=True)
        tape = self._training
        if views is None:
            tape.take(self._examples, index.numpy())
        else:
            tape.put(randomness.shift_and_flip(self.train.inputs[index], views[0]))
        tape.forward(training=True)
        self._gradient_of_loss(tape, self.train.targets[index])
        tape.backward()
        if self.recipe.gradient_clip:
            for weights in self._whole:
                weights.mask_gradient()
            self.optimizer.clip(self.recipe.gradient_clip)
        self.optimizer.step(self.recipe.learning_rate_at(iteration))
        for weights in self._whole:
            weights.after_step()

    def gradients(self, batch: Tensor, views: Tensor | None) -> dict[str, Tensor]:
        """The dense gradient [1, ...] of every parameter for a batch, as `step` takes it, by torch: also of
        weights that are not kept."""
        self.state()  # the kept weights are where torch reads them
        inputs, targets = self.train.inputs[batch[0]], self.train.targets[batch[0]]
        if views is not None:
            inputs = randomness.shift_and_flip(inputs, views[0])
        parameters = {name: own for name, own in self.model.named_parameters() if own.requires_grad}
        loss = objectives.mean_loss(self._minimised, self.model.train()(inputs), targets)
        found = torch.autograd.grad(loss, list(parameters.values()))
        return {name: gradient.unsqueeze(0) for name, gradient in zip(parameters, found)}

    def memory(self) -> Memory:
        """What the optimiser remembers of every parameter, with zeros for weights that are not kept."""
        moments = {}
        for name, kept, parameter in self._named():
            found = [torch.from_numpy(part.copy()) for part in self.optimizer.moments(parameter)]
            own = self.model.get_parameter(name)
            if kept is not None:
                index = torch.from_numpy(kept)
                found = [torch.zeros(own.numel()).index_copy_(0, index, part) for part in found]
            moments[name] = [part.view(own.shape) for part in found]
        return Memory(self.optimizer.steps, moments)

    def remember(self, memory: Memory) -> None:
        """Go on with what another's optimiser remembered of the same parameters."""
        self.optimizer.steps = memory.steps
        for name, kept, parameter in self._named():
            for own, other in zip(self.optimizer.moments(parameter), memory.moments.get(name, [])):
                flat = other.reshape(-1).numpy()
                own[:] = flat if kept is None else flat[kept]

    def _named(self):
        """Each trained parameter with its name in the network, and which of that one's numbers it holds; None
        for all."""
        for node in self._nodes:
            if weights := self._weights.get(id(node)):
                for own, parameter in weights.by_name().items():
                    kept = weights.index if isinstance(weights, Kept) and own == "weight" else None
                    yield f"{node.name}.{own}", kept, parameter

    def validate(self, split: Split) -> tuple[Tensor, Tensor]:
        """`measure`, for the one split that is measured again and again."""
        return self.measure(split)

    @torch.no_grad()
    def measure(self, split: Split) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy (0 to 1) over every example of the split, in evaluation mode: two tensors
        [1]."""
        if self._evaluation is None:
            self._evaluation = Tape(self._nodes, self._weights, TILE, gradients=False)
        for layer in self._evaluation.layers:
            if isinstance(layer, DenseLinear) and isinstance(layer.weights, Kept):  # it reads the network's own tensor
                layer.weights.into_state()
        tape, examples = self._evaluation, split.inputs.reshape(len(split), -1).numpy()
        losses, accuracies = torch.zeros(2, dtype=torch.float64)
        usual = objectives.mean_weights(self.objective, split.targets.unsqueeze(0))
        for index in torch.arange(len(split)).split(TILE):
            tape.take(examples, index.numpy())
            tape.forward(training=False)
            loss, accuracy = self._judged(tape, split.targets[index], usual)
            losses += loss
            accuracies += accuracy
        return (losses / len(split)).reshape(1), (accuracies / len(split)).reshape(1)

    def state(self) -> dict[str, Tensor]:
        """Every parameter and buffer that a state_dict holds, [1, ...]; what the mask removes is zero."""
        for weights in self._kept:
            weights.into_state()
        return {name: tensor.detach().unsqueeze(0) for name, tensor in self.model.state_dict(keep_vars=True).items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Put these values, as `state` gives them, in place of the present ones."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        for weights in self._kept:
            weights.from_state()

    def held(self) -> int:
        """Bytes of weights, gradients, the optimiser's state and the places of weights, after the first step;
        activations are not counted."""
        tape = [] if self._training is None else self._training.layers
        owners = [self.optimizer, *self._kept, *(layer for layer in tape if isinstance(layer, (SparseLinear, Convolution)))]
        arrays = [array for owner in owners for array in vars(owner).values() if isinstance(array, np.ndarray)]
        own = sum(weights.weight.nbytes for weights in self._kept)  # the network's, between whose zeros they go back
        return own + sum(array.nbytes for array in arrays)

    def _judged(self, tape: Tape, targets: Tensor, usual) -> tuple[float | Tensor, float | Tensor]:
        """Sums of loss and score over the examples that the tape has just seen, weighed against the
        `usual` weights where there are any."""
        if self.objective is objectives.classification:
            return pointwise.judged(tape.output.data, targets.numpy())
        outputs = tape.output.examples(len(targets), self._nodes[-1].shape)
        loss, accuracy = self.objective(outputs, targets.clone())
        if usual is not None:
            by_loss, by_accuracy = (part / mean for part, mean in zip(self.objective.weigh(targets), usual))
            loss, accuracy = loss * by_loss, accuracy * by_accuracy
        return loss.sum(), accuracy.sum()

    def _gradient_of_loss(self, tape: Tape, targets: Tensor) -> None:
        assert tape.output_gradient is not None
        if self._minimised is objectives.classification:
            pointwise.cross_entropy_gradient(tape.output.data, targets.numpy(), tape.output_gradient.data)
            return
        outputs = tape.output.examples(len(targets), self._nodes[-1].shape).requires_grad_()
        usual = objectives.mean_weights(self._minimised, targets.unsqueeze(0))
        losses = self._minimised(outputs, targets)[0]
        if usual is not None:
            losses = losses * self._minimised.weigh(targets)[0] / usual[0]
        [gradient] = torch.autograd.grad(losses.mean(), [outputs])
        tape.output_gradient.put(gradient)


def _weights(node, plan: Plan, ticket: Ticket) -> Kept | Whole | NormWeights | None:
    if node.kind == "norm":
        return NormWeights(node.work)
    if node.kind not in ("linear", "convolution"):
        return None
    mask = ticket.mask.get(f"{node.name}.weight")
    return (Kept if id(node) in plan.sparse else Whole)(node.work, mask)
