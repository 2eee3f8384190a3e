"""The figure of the README: what a training step costs against density. `python -m tests.bench.price` draws it anew,
`docs/price.png`, and prints the table behind it."""

import pandas as pd
import torch

from lthlib import models, tasks
from lthlib.analysis import training_speed
from lthlib.data import Dataset, Split
from lthlib.models.resnet import ResNet
from lthlib.plots import efficiency
from tests.bench.run import ROOT


def noise(name: str, shape: tuple[int, ...], examples: int) -> Dataset:
    """Noise of this shape, which takes as long as pictures."""
    generator = torch.Generator().manual_seed(0)
    splits = [
        Split(torch.rand(count, *shape, generator=generator), torch.randint(0, 10, (count,), generator=generator))
        for count in (examples, 128, 128)
    ]
    return Dataset(name, *splits)


def main() -> None:
    """LeNet-300-100 at batch 60, and ResNet-20, whose first and last layer are pruned too, at batch 60."""
    pixels, colours = noise("pixels", (1, 28, 28), 3000), noise("colours", (3, 32, 32), 240)
    cases = {
        "LeNet-300-100 on MNIST's shape": tasks.Task("lenet-of-the-figure", pixels, lambda _: models.LeNet(784, 10)),
        "ResNet-20 on CIFAR-10's shape": tasks.Task("resnet-of-the-figure", colours, lambda _: ResNet((3, 32, 32), 10)),
    }
    found = pd.concat(training_speed.step_times(task).assign(panel=title) for title, task in cases.items())
    steps = found[found.phase == training_speed.TRAINING]
    print((100 / steps.set_index(["panel", "density", "way"]).times).round(0).unstack("way").to_string())
    figure = efficiency.prices(steps, "a training step, one core")
    figure.savefig(ROOT / "docs" / "price.png", dpi=110)


if __name__ == "__main__":
    main()
