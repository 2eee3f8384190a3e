"""Tables of made-up hunts, for the tests of claims."""

import pandas as pd

from lthlib.storage.store import COLUMNS
from tests.analysis.test_comparison import network


def hunted(tickets, dense=0.90, stops=(20, 20, 20), level=1, method="iterative"):
    """Dense networks of test accuracy `dense`, all stopping at iteration 20, and a network of `method` a trial at
    `level`, with these accuracies and early stops (10 or 20)."""
    rows = []
    for trial, (accuracy, stop) in enumerate(zip(tickets, stops)):
        if method == "iterative":
            rows += network("iterative", trial, 0, (3, 2, 1), (None, dense))
        losses = [1 if 10 * place == stop else 2 for place in range(3)]
        rows += network(method, trial, level, losses, (accuracy, accuracy) if stop != 20 else (None, accuracy))
    return pd.DataFrame(rows, columns=COLUMNS)
