"""Data sets as whole tensors in memory.

A data set here is small enough to hold: a batch is an index into a tensor, never the work of a per-sample loader.
"digits", "cluttered" and "mnist1d" need no download; the others are read from `<data folder>/<name>.npz`, which torchvision
fills once where there is a network.
"""

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lthlib.errors import LotteryError

# Mean and standard deviation of each channel over the training images, for pixels from 0 to 1. MNIST's are the pair that
# fits the published reproductions of Frankle & Carbin (the paper states none); the others are the customary ones.
NORMALISATION = {
    "digits": ((0.3053,), (0.3760,)),
    "cluttered": ((0.1690,), (0.3527,)),
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2860,), (0.3530,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
TORCHVISION_CLASS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}
NO_DOWNLOAD = ("digits", "cluttered", "mnist1d")
NAMES = (*NO_DOWNLOAD, *TORCHVISION_CLASS)
DIGITS_FOR_TEST = 497  # of scikit-learn's 1,797 images, which come without a test set of their own
PIECES = ("train_images", "train_labels", "test_images", "test_labels")


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs [N, ...] float32 and targets [N] int64, in matching order."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits that share no example. Training never sees `validation`; nothing is ever chosen on `test`."""

    name: str
    train: Split
    validation: Split
    test: Split

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, such as (1, 28, 28)."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes: one more than the largest label of the three splits."""
        return 1 + max(int(split.targets.max()) for split in (self.train, self.validation, self.test))

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change whenever a value, a label or the split changes."""
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.inputs, split.targets):
                digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
                digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()[:16]


def data_folder() -> Path:
    """Where data sets are kept: `LTHLIB_DATA` if set, else `data/` of this checkout, else `data/` where you are."""
    if os.environ.get("LTHLIB_DATA"):
        return Path(os.environ["LTHLIB_DATA"])
    checkout = Path(__file__).resolve().parents[1]
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "data"


def at_hand(name: str) -> bool:
    """Whether a data set can be had without a download."""
    return name in NO_DOWNLOAD or (data_folder() / f"{name}.npz").exists()


def load(name: str) -> Dataset:
    """The data set called `name`, normalised, with a validation split taken from its training set.

    Raises LotteryError for an unknown name, a file that is damaged, or a download that fails.
    """
    if name == "mnist1d":
        return from_arrays(name, *_mnist1d())
    if name not in NAMES:
        raise LotteryError(f"unknown data set {name!r}: choose one of {', '.join(NAMES)}.")
    train_images, train_labels, test_images, test_labels = MADE_HERE[name]() if name in MADE_HERE else _stored(name)
    return from_arrays(name, _pixels(train_images, name), train_labels, _pixels(test_images, name), test_labels)


def from_arrays(name: str, inputs, targets, test_inputs, test_targets) -> Dataset:
    """A data set from your own arrays or tensors: inputs [N, ...] numbers, targets [N] class numbers from 0.

    Inputs are taken as they are (normalise them first). One training example in twelve becomes the validation split,
    as 5,000 of MNIST's 60,000 do in Frankle & Carbin (2019); of 50,000, too, 5,000. The choice is the same on every
    machine and for every trial. Raises LotteryError where inputs and targets do not match or are too few.
    """
    train, test = _split(name, inputs, targets), _split(name, test_inputs, test_targets)
    if len(train) < 2 or len(test) < 1:
        raise LotteryError(f"data set {name!r} has {len(train)} training and {len(test)} test examples: give at least 2 and 1.")
    held_out = 5000 if len(train) >= 50_000 else max(1, round(len(train) / 12))
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(train)))
    validation, rest = order[:held_out].sort().values, order[held_out:].sort().values
    return Dataset(
        name,
        train=Split(train.inputs[rest], train.targets[rest]),
        validation=Split(train.inputs[validation], train.targets[validation]),
        test=test,
    )


def _split(name: str, inputs, targets) -> Split:
    inputs, targets = _tensor(name, "inputs", inputs).float(), _tensor(name, "targets", targets)
    if not torch.isfinite(inputs).all():
        raise LotteryError(f"data set {name!r} has inputs that are not finite: fill in or drop NaN and infinite values.")
    if targets.is_floating_point() and not (targets == targets.round()).all():
        raise LotteryError(f"data set {name!r} has targets that are no whole numbers: give class numbers from 0.")
    targets = targets.long()
    if targets.dim() != 1 or len(inputs) != len(targets):
        raise LotteryError(
            f"data set {name!r} has inputs {list(inputs.shape)} and targets {list(targets.shape)}: "
            "give one class number for each example."
        )
    if len(targets) and int(targets.min()) < 0:
        raise LotteryError(f"data set {name!r} has the label {int(targets.min())}: classes are numbered from 0.")
    return Split(inputs.contiguous(), targets.contiguous())


def _tensor(name: str, what: str, values) -> Tensor:
    try:
        tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (TypeError, ValueError) as error:
        raise LotteryError(
            f"the {what} of data set {name!r} are no array of numbers: encode text and categories first."
        ) from error
    return tensor.detach().cpu()


def _digits() -> list[np.ndarray]:
    """scikit-learn's 1,797 digits as bytes, [N, 8, 8]: images and labels for training, then for the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))
    test, train = np.sort(order[:DIGITS_FOR_TEST]), np.sort(order[DIGITS_FOR_TEST:])
    return [images[train], bunch.target[train], images[test], bunch.target[test]]


def _cluttered() -> list[np.ndarray]:
    """Each of scikit-learn's digits somewhere on a larger, noisy canvas with scraps of others: what a digit is does not depend
    on where it is, which suits convolutions. 4,000 training and 1,000 test images [N, 12, 12]; no digit is in both."""
    images, labels, test_images, test_labels = _digits()
    random = np.random.RandomState(0)
    which, test_which = (np.resize(random.permutation(len(n)), size) for n, size in ((labels, 4000), (test_labels, 1000)))
    return [_clutter(images, which, random), labels[which], _clutter(test_images, test_which, random), test_labels[test_which]]


def _clutter(digits: np.ndarray, which: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Digits [N, 8, 8] -> canvases [len(which), 12, 12]: two 4x4 scraps, the digit over them, Gaussian noise over all."""
    canvases = np.zeros((len(which), 12, 12), np.float32)
    for canvas, chosen in zip(canvases, which):
        for other in random.randint(0, len(digits), 2):
            (top, left), (row, column) = random.randint(0, 9, 2), random.randint(0, 5, 2)
            canvas[top : top + 4, left : left + 4] = digits[other, row : row + 4, column : column + 4]
        top, left = random.randint(0, 5, 2)
        canvas[top : top + 8, left : left + 8] = digits[chosen]
    return canvases + random.normal(0, 0.15 * 255, canvases.shape).astype(np.float32)


MADE_HERE = {"digits": _digits, "cluttered": _cluttered}


def _mnist1d():
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise LotteryError("data set 'mnist1d' needs the package mnist1d: run `pip install mnist1d`.") from error
    kept = np.random.get_state()  # the generator of MNIST-1D seeds numpy's global state
    try:
        made = make_dataset(get_dataset_args())
    finally:
        np.random.set_state(kept)
    return made["x"], made["y"], made["x_test"], made["y_test"]


def _pixels(images: np.ndarray, name: str) -> np.ndarray:
    """Pixels from 0 to 255, [N, H, W] or [N, H, W, C] -> normalised float32 [N, C, H, W]."""
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    mean, std = (np.array(values, np.float32).reshape(1, -1, 1, 1) for values in NORMALISATION[name])
    return (images.astype(np.float32) / np.float32(255) - mean) / std


def _stored(name: str) -> list[np.ndarray]:
    """Images and labels of a data set from its file, which is downloaded where it is not there yet."""
    path = data_folder() / f"{name}.npz"
    if not path.exists():
        _download(name, path)
    return _read(path)


def _read(path: Path) -> list[np.ndarray]:
    fix = "delete the file and let it be downloaded again, or copy a good one there"
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [piece for piece in PIECES if piece not in file]
            if missing:
                raise LotteryError(f"{path} lacks {', '.join(missing)}: {fix}.")
            arrays = [file[piece] for piece in PIECES]
    except (OSError, EOFError, zipfile.BadZipFile, zipfile.zlib.error, ValueError, KeyError) as error:
        if isinstance(error, LotteryError):
            raise
        raise LotteryError(f"{path} is damaged or no data file ({_one_line(error)}): {fix}.") from error
    return arrays


def _download(name: str, path: Path) -> None:
    """Fetch a data set with torchvision (which checks MD5 sums and shows a bar) and keep it as one .npz file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-")
    except OSError as error:
        raise LotteryError(
            f"the data folder {path.parent} cannot be written ({_one_line(error)}): set LTHLIB_DATA to one that can."
        ) from error
    with scratch as folder:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                dataset_class = getattr(_torchvision().datasets, TORCHVISION_CLASS[name])
                splits = [dataset_class(folder, train=train, download=True) for train in (True, False)]
        except Exception as error:  # torchvision raises many kinds, from URLError to RuntimeError
            raise LotteryError(
                f"data set {name!r} is not at {path} and could not be downloaded ({_one_line(error)}): "
                f"connect to a network, copy {path.name} there, or use a task on {' or '.join(NO_DOWNLOAD)}."
            ) from error
        arrays = [np.asarray(part) for split in splits for part in (split.data, split.targets)]
        part = Path(folder) / path.name
        np.savez(part, **{piece: array.astype(np.uint8) for piece, array in zip(PIECES, arrays)})
        os.replace(part, path)


def _torchvision():
    """torchvision, also beside a CPU-only torch, where its import stops at operators that nobody registered."""
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        for module in [module for module in sys.modules if module.split(".")[0] == "torchvision"]:
            del sys.modules[module]
        global _SCHEMAS  # torch forgets the two operators when this object goes
        _SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")
        _SCHEMAS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _SCHEMAS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
