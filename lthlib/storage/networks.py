"""From the tidy table, with a row for each measurement, to one row per trained network."""

import numpy as np
import pandas as pd

NETWORK = ["task", "setting", "schedule", "method", "trial", "redraw", "level", "density", "seconds"]
LABELS = {
    "early_stop": "early stop (iteration)",
    "validation_accuracy": "validation accuracy at early stop (%)",
    "test_accuracy": "test accuracy at early stop (%)",
    "train_accuracy": "training accuracy at early stop (%)",
    "final_test_accuracy": "test accuracy at the end (%)",
    "final_train_accuracy": "training accuracy at the end (%)",
    "gap": "generalisation gap at the end (points)",
    "test_loss": "test loss at early stop",
}
MEASURES = list(LABELS)
MARKS = ["untrained", "diverged"]  # what `summarise` says of a network besides


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per trained network.

    Adds to what names it: early_stop (iteration of minimum validation loss), validation_accuracy,
    test_accuracy and train_accuracy there; final_test_accuracy and final_train_accuracy at the end of
    training, and gap, the second less the first of these: the generalisation gap; and test_loss at early
    stop. Accuracies and gap are shares, up to 1. Where a task has an objective of its own, accuracies are its
    score and the loss is its loss. What is summarised already stays as it is.

    `diverged` is whether training ended in a validation loss that is NaN or infinite: what is measured of
    such a network is NaN here, so that no mean or comparison counts it. `untrained` is the validation
    accuracy at its first measurement.
    """
    if table.empty:
        return pd.DataFrame(columns=[*NETWORK, *MEASURES, *MARKS])
    if set(MEASURES) <= set(table.columns):
        return table
    table = table.reset_index(drop=True)
    measured = {split: part for split, part in table.groupby("split")}  # noqa: C416  # dict() takes it for a mapping
    curve = measured["validation"].assign(loss=measured["validation"].loss.fillna(float("inf")))
    at_stop = curve.loc[curve.groupby(NETWORK, sort=False).loss.idxmin(), [*NETWORK, "iteration", "accuracy"]]
    networks = at_stop.rename(columns={"iteration": "early_stop", "accuracy": "validation_accuracy"}).set_index(NETWORK)
    for split in ("test", "train"):
        ends = measured[split].sort_values("iteration").groupby(NETWORK, sort=False).accuracy
        networks[f"{split}_accuracy"] = ends.first()
        networks[f"final_{split}_accuracy"] = ends.last()
    networks["test_loss"] = measured["test"].sort_values("iteration").groupby(NETWORK, sort=False).loss.first()
    networks["gap"] = networks.final_train_accuracy - networks.final_test_accuracy
    in_order = measured["validation"].sort_values("iteration")
    networks["untrained"] = in_order.drop_duplicates(NETWORK).set_index(NETWORK).accuracy
    networks["diverged"] = ~np.isfinite(in_order.drop_duplicates(NETWORK, keep="last").set_index(NETWORK).loss)
    if networks.diverged.any():
        networks[MEASURES] = networks[MEASURES].mask(networks.diverged)
    return networks.reset_index()[[*NETWORK, *MEASURES, *MARKS]]
