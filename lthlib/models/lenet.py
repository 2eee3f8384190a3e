"""LeNet-300-100, the fully connected network of the lottery ticket paper."""

import torch
from torch import Tensor, nn

from lthlib.models.layers import glorot


class LeNet(nn.Module):
    """Fully connected network with two hidden layers and ReLU (LeNet-300-100 of LeCun et al. 1998).

    Input [B, ...] of `inputs` numbers each, output [B, classes] logits. Gaussian Glorot initialisation,
    biases zero, the output layer pruned at half the rate: Frankle & Carbin (2019), figure 2 and section 2. On
    MNIST it has 266,200 weights.
    """

    rate_factors = {"output.weight": 0.5}

    def __init__(self, inputs: int, classes: int, hidden: tuple[int, int] = (300, 100)):
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.output = nn.Linear(hidden[1], classes)
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.output(torch.relu(self.fc2(x)))
