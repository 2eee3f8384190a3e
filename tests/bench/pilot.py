"""The pilots behind the margins of `lthlib.tasks.catalogue`: how much dense networks of one task differ from trial to trial.

    python -m tests.bench.pilot [TASK ...]

Ten dense trials of each task at profile `quick`, of a seed that no lesson uses; a quarter of an hour on two cores for all.
"""

import sys
import tempfile

import numpy as np

import lthlib
from lthlib.tasks.catalogue import MARGINS

SEED, TRIALS = 1000, 10
ELSEWHERE = ("lenet-mnist", "conv2-narrow-cifar10")  # at the paper's setting and scale


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as results:
        for name in names or [name for name in MARGINS if name not in ELSEWHERE]:
            table = lthlib.hunt(name, "quick", levels=0, trials=TRIALS, seed=SEED, results=results, progress=False)
            networks = lthlib.summarise(table)
            accuracy, loss = 100 * networks.test_accuracy, networks.test_loss
            stop = np.log(networks.early_stop.clip(lower=1))
            print(
                f"{name}: accuracy {accuracy.mean():.2f} %, standard deviation {accuracy.std():.2f} points; "
                f"loss {loss.std():.3g}; logarithm of early stop {stop.std():.2f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
