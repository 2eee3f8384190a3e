"""Graphs as plain arrays: a generated one, and Cora from its file.

A graph is a dictionary: `features` [nodes, F] float32, `labels` [nodes], `edges` [E, 2], each undirected edge
once and in a random order, and the node numbers `train`, `validation` and `test`. Its edges are shuffled
because edges that score alike are pruned in the order in which they stand: as files list them, those at the
first nodes would go first, which are the training nodes.
"""

import zipfile
from pathlib import Path

import numpy as np

from lthlib.core.errors import LotteryError

CORA = ("features", "labels", "edges", "train_nodes", "val_nodes", "test_nodes")


def block_model(
    seed: int = 0,
    nodes: int = 1000,
    classes: int = 4,
    inside: float = 4.0,
    outside: float = 1.5,
    words: int = 128,
    marks: int = 16,
    spoken: float = 0.06,
    train: int = 60,
    validation: int = 140,
) -> dict[str, np.ndarray]:
    """A stochastic block model with features (Holland, Laskey & Leinhardt 1983).

    A node has on average `inside` edges to nodes of its class and `outside` to others. Its features say which
    of `words` words it uses: each with probability `spoken`, and four times as likely if it is one of the
    `marks` words of its class. A row of features is divided by its sum, as Cora's are. The first `train` of
    the nodes, in a random order, are for training, the next `validation` for validation, all others for the
    test.
    """
    random = np.random.RandomState(seed)
    labels = random.permutation(np.arange(nodes) % classes)
    one, other = np.triu_indices(nodes, 1)
    each = nodes / classes
    chances = np.where(labels[one] == labels[other], inside / (each - 1), outside / (nodes - each))
    drawn = random.random_sample(len(one)) < chances
    edges = np.stack([one[drawn], other[drawn]], axis=1)
    marked = np.arange(words)[None] // marks == labels[:, None]
    features = random.random_sample((nodes, words)) < np.where(marked, 4 * spoken, spoken)
    order = np.split(random.permutation(nodes), [train, train + validation])
    split = dict(zip(("train", "validation", "test"), order))
    return {"features": _shares(features), "labels": labels, "edges": random.permutation(edges), **split}


def cora(path: Path) -> dict[str, np.ndarray]:
    """Cora: 2,708 papers, the words they use, their citations and their fields, split as in Yang et al.
    (2016).

    Raises LotteryError where the file is not there or damaged; data/README.md says what it holds.
    """
    fix = "data/README.md says what the file holds, and task gcn-sbm needs none"
    if not path.exists():
        raise LotteryError(f"{path} is not there: put Cora in that place ({fix}).")
    try:
        with np.load(path, allow_pickle=False) as file:
            features, labels, edges, train, validation, test = (file[name].astype(np.int64) for name in CORA)
    except (OSError, EOFError, zipfile.BadZipFile, zipfile.zlib.error, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise LotteryError(f"{path} is damaged or no such file ({reason}): {fix}.") from error
    edges = np.random.RandomState(0).permutation(edges)
    split = {"train": train, "validation": validation, "test": test}
    return {"features": _shares(features), "labels": labels, "edges": edges, **split}


def _shares(features: np.ndarray) -> np.ndarray:
    """Each row divided by its sum; a row of zeros stays one."""
    return (features / np.maximum(features.sum(1, keepdims=True), 1)).astype(np.float32)
