"""The data sets that lthlib knows, by name."""

import numpy as np
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.paths import data_folder
from lthlib.data import grammar, graphs
from lthlib.data.datasets import Dataset, Graph, Split, Text, from_arrays
from lthlib.data.downloads import FILES, TORCHVISION_CLASS, _download_text, _one_line, _stored
from lthlib.data.images import MADE_HERE, NO_DOWNLOAD, _mnist1d, _pixels

# Data sets, and what makes one of arrays, text or a graph

WINDOW, TEXTS, TEST_TEXTS = 24, 2000, 400  # of the generated language: words a text, and texts
CHARACTERS = 64  # a window of Shakespeare


def at_hand(name: str) -> bool:
    """Whether a data set needs no download, or is in the data folder already."""
    file = FILES.get(name, f"{name}.npz")
    return name in NO_DOWNLOAD or not file or (data_folder() / file).exists()


def load(name: str) -> Dataset:
    """The data set called `name`, normalised, with a validation split taken from its training set.

    Raises LotteryError for an unknown name, a file that is damaged, or a download that fails.
    """
    if name == "mnist1d":
        return from_arrays(name, *_mnist1d())
    if name in MADE_OTHERWISE:
        return MADE_OTHERWISE[name](name)
    if name not in NAMES:
        names = ", ".join((*NAMES, *MADE_OTHERWISE))
        raise LotteryError(f"unknown data set {name!r}: choose one of {names}.")
    images, labels, test_images, test_labels = MADE_HERE[name]() if name in MADE_HERE else _stored(name)
    return from_arrays(name, _pixels(images, name), labels, _pixels(test_images, name), test_labels)


def _language(name: str) -> Text:
    """Texts of the language in `texts`, seeds 0 for training and validation, 1 for the test."""
    whole, test = grammar.windows(0, TEXTS, WINDOW), grammar.windows(1, TEST_TEXTS, WINDOW)
    made = from_arrays(name, whole[:, :-1], whole[:, 1:], test[:, :-1], test[:, 1:], classes=False)
    return Text(name, made.train, made.validation, made.test, grammar.VOCABULARY, " ")


def _shakespeare(name: str) -> Text:
    """1,115,394 characters of Shakespeare in windows, in their order: the first eight tenths train, the last
    tenth tests."""
    path = data_folder() / FILES[name]
    if not path.exists():
        _download_text(name, path)
    again = "delete it and let it be downloaded again"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LotteryError(f"{path} is damaged or no text ({_one_line(error)}): {again}.") from error
    count = (len(text) - 1) // CHARACTERS
    if count < 10:
        raise LotteryError(f"{path} has {len(text)} characters, too few: {again}.")
    alphabet = tuple(sorted(set(text)))
    place = {character: index for index, character in enumerate(alphabet)}
    tokens = torch.tensor([place[character] for character in text[: count * CHARACTERS + 1]])
    inputs, targets = (part.view(count, CHARACTERS) for part in (tokens[:-1], tokens[1:]))
    ends = [0, count * 8 // 10, count * 9 // 10, count]
    splits = [Split(inputs[a:b].clone(), targets[a:b].clone()) for a, b in zip(ends, ends[1:])]
    return Text(name, *splits, alphabet)


def _graph(name: str) -> Graph:
    made = graphs.block_model() if name == "sbm" else graphs.cora(data_folder() / FILES[name])
    labels = torch.from_numpy(made["labels"]).long()
    nodes = [torch.from_numpy(made[split]).long() for split in ("train", "validation", "test")]
    whole = torch.from_numpy(made["features"]), torch.from_numpy(made["edges"]).long()
    return Graph(name, *(Split(numbers, labels[numbers]) for numbers in nodes), *whole)


def _bare_pictures(name: str) -> Dataset:
    """The pictures of a data set with pixels from 0 to 1 [N, C, H, W], their own targets [N, C * H * W]."""
    source = name.removesuffix("-pixels")
    images, _, test_images, _ = MADE_HERE[source]() if source in MADE_HERE else _stored(source)
    scaled = (part.astype(np.float32) / np.float32(255) for part in (images, test_images))
    inputs, test_inputs = (torch.from_numpy(part)[:, None] for part in scaled)
    return from_arrays(name, inputs, inputs.flatten(1), test_inputs, test_inputs.flatten(1), classes=False)


# Data sets that are no pictures or signals with a class each; a file of "" is none.
MADE_OTHERWISE = {
    **{"grammar": _language, "tinyshakespeare": _shakespeare, "sbm": _graph, "cora": _graph},
    **{"digits-pixels": _bare_pictures, "mnist-pixels": _bare_pictures},
}

NAMES = (*NO_DOWNLOAD, *TORCHVISION_CLASS)
