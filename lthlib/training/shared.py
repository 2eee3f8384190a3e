"""The data that worker processes share: written to memory maps once, and read by all batches of a hunt.

joblib would write maps of its own, but anew for every batch: a quarter of a second for MNIST.
"""

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterable

import numpy as np
import torch
from joblib.externals.loky.backend import resource_tracker

from lthlib.data import Dataset, Split

LARGE = 1_000_000  # bytes from which an array is mapped; smaller ones are sent to the workers, which is as fast

Arrays = list[tuple[np.ndarray, np.ndarray]]
_written: "weakref.WeakKeyDictionary[Dataset, tuple[list, Arrays]]" = weakref.WeakKeyDictionary()


def arrays(data: Dataset) -> Arrays:
    """Inputs and targets of the three splits, as arrays that cost a worker no copy.

    The maps live as long as `data` does, and this process. Tensors that were changed in place since are written again.
    """
    state = [(tensor.data_ptr(), tensor._version) for split in _splits(data) for tensor in (split.inputs, split.targets)]
    before, found = _written.get(data, (None, []))
    if before == state:
        return found
    folder = tempfile.mkdtemp(prefix="lthlib-data-")
    resource_tracker.register(folder, "folder")  # removes it even where this process is killed
    weakref.finalize(data, _remove, folder)
    found = []
    for split in _splits(data):
        place = f"{folder}/{len(found)}"
        found.append(
            (_mapped(split.inputs.numpy(), f"{place}-inputs.npy"), _mapped(split.targets.numpy(), f"{place}-targets.npy"))
        )
    _written[data] = (state, found)
    return found


def dataset(name: str, shared: Iterable[tuple[np.ndarray, np.ndarray]]) -> Dataset:
    """The data set again, in a worker. Writing into it would change the worker's copy alone (on a Ray cluster it
    may only be read)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return Dataset(name, *(Split(torch.from_numpy(inputs), torch.from_numpy(targets)) for inputs, targets in shared))


def _mapped(array: np.ndarray, path: str) -> np.ndarray:
    if array.nbytes < LARGE:
        return array
    np.save(path, array)
    return np.load(path, mmap_mode="c")


def _remove(folder: str) -> None:
    resource_tracker.unregister(folder, "folder")
    shutil.rmtree(folder, ignore_errors=True)


def _splits(data: Dataset) -> tuple[Split, Split, Split]:
    return data.train, data.validation, data.test
