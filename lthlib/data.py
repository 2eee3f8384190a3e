"""Data sets as whole tensors in memory.

A data set here is small enough to hold: a batch is an index into a tensor, never the work of a per-sample loader.
"digits", "cluttered" and "mnist1d" need no download; the other data sets of classes are read from `<data folder>/<name>.npz`,
which torchvision fills once where there is a network. Texts, graphs and bare pictures are in MADE_OTHERWISE.
"""

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lthlib import graphs, texts
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
WINDOW, TEXTS, TEST_TEXTS = 24, 2000, 400  # of the generated language: words a text, and texts
CHARACTERS = 64  # a window of Shakespeare
SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs [N, ...] and targets [N, ...], in matching order: float32 inputs and class numbers, int64, for classification; for
    other objectives what they and the network need, such as tokens, int64, or pixels, float32."""

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
        """Number of classes, or of tokens: one more than the largest target of the three splits.

        Raises LotteryError where targets are no class numbers.
        """
        if self.train.targets.is_floating_point():
            raise LotteryError(
                f"data set {self.name!r} has no classes, its targets are numbers of shape {list(self.train.targets.shape[1:])}: "
                "give the task an objective that fits, such as lthlib.objectives.autoencoder."
            )
        return 1 + max(int(split.targets.max()) for split in (self.train, self.validation, self.test))

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change whenever a value, a label or the split changes."""
        digest = hashlib.sha256()
        for tensor in self._tensors():
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    def _tensors(self) -> list[Tensor]:
        return [tensor for split in (self.train, self.validation, self.test) for tensor in (split.inputs, split.targets)]


@dataclass(frozen=True, eq=False)
class Text(Dataset):
    """Windows of a text: inputs [N, T] token numbers, targets [N, T] the token after each. `alphabet` names the tokens, which
    `between` stands between when they are written out. No window overlaps one of another split."""

    alphabet: tuple[str, ...]
    between: str = ""

    def written(self, tokens: Iterable[int]) -> str:
        """These tokens as people read them."""
        return self.between.join(self.alphabet[int(token)] for token in tokens)


@dataclass(frozen=True, eq=False)
class Graph(Dataset):
    """Nodes of one graph: inputs [N] node numbers, targets [N] class numbers; `features` [nodes, F] and `edges` [E, 2], each
    undirected edge once. Transductive: a network may look at every node's features and edges, and learns the labels of the
    training nodes alone."""

    features: Tensor
    edges: Tensor

    def _tensors(self) -> list[Tensor]:
        return [*super()._tensors(), self.features, self.edges]


def data_folder() -> Path:
    """Where data sets are kept: `LTHLIB_DATA` if set, else `data/` of this checkout, else `data/` where you are."""
    if os.environ.get("LTHLIB_DATA"):
        return Path(os.environ["LTHLIB_DATA"])
    checkout = Path(__file__).resolve().parents[1]
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "data"


def at_hand(name: str) -> bool:
    """Whether a data set can be had without a download."""
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
        raise LotteryError(f"unknown data set {name!r}: choose one of {', '.join((*NAMES, *MADE_OTHERWISE))}.")
    train_images, train_labels, test_images, test_labels = MADE_HERE[name]() if name in MADE_HERE else _stored(name)
    return from_arrays(name, _pixels(train_images, name), train_labels, _pixels(test_images, name), test_labels)


def from_arrays(name: str, inputs, targets, test_inputs, test_targets, classes: bool = True) -> Dataset:
    """A data set from your own arrays or tensors: inputs [N, ...] numbers, targets [N] class numbers from 0.

    Inputs are taken as they are (normalise them first). `classes=False` takes targets of any shape as well, for an objective
    other than classification, and leaves whole numbers whole, inputs too: tokens, say. One training example in twelve becomes
    the validation split, as 5,000 of MNIST's 60,000 do in Frankle & Carbin (2019); of 50,000, too, 5,000. The choice is the
    same on every machine and for every trial. Raises LotteryError where inputs and targets do not match or are too few.
    """
    train, test = _split(name, inputs, targets, classes), _split(name, test_inputs, test_targets, classes)
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


def _split(name: str, inputs, targets, classes: bool) -> Split:
    inputs, targets = _tensor(name, "inputs", inputs), _tensor(name, "targets", targets)
    inputs = inputs.float() if classes or inputs.is_floating_point() else inputs.long()
    if not torch.isfinite(inputs).all():
        raise LotteryError(f"data set {name!r} has inputs that are not finite: fill in or drop NaN and infinite values.")
    targets = _class_numbers(name, targets) if classes else _any_targets(name, targets)
    if len(inputs) != len(targets):
        raise LotteryError(
            f"data set {name!r} has inputs {list(inputs.shape)} and targets {list(targets.shape)}: "
            f"give one {'class number' if classes else 'target'} for each example."
        )
    return Split(inputs.contiguous(), targets.contiguous())


def _class_numbers(name: str, targets: Tensor) -> Tensor:
    if targets.is_floating_point() and not (targets == targets.round()).all():
        raise LotteryError(f"data set {name!r} has targets that are no whole numbers: give class numbers from 0.")
    targets = targets.long()
    if targets.dim() != 1:
        raise LotteryError(
            f"data set {name!r} has targets {list(targets.shape)}: give one class number for each example, or pass classes=False "
            "and give the task an objective that can use them."
        )
    if len(targets) and int(targets.min()) < 0:
        raise LotteryError(f"data set {name!r} has the label {int(targets.min())}: classes are numbered from 0.")
    return targets


def _any_targets(name: str, targets: Tensor) -> Tensor:
    targets = targets.float() if targets.is_floating_point() else targets.long()
    if not torch.isfinite(targets).all():
        raise LotteryError(f"data set {name!r} has targets that are not finite: fill in or drop NaN and infinite values.")
    return targets


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


def _language(name: str) -> Text:
    """Texts of the language in `texts`, seeds 0 for training and validation, 1 for the test."""
    whole, test = texts.windows(0, TEXTS, WINDOW), texts.windows(1, TEST_TEXTS, WINDOW)
    made = from_arrays(name, whole[:, :-1], whole[:, 1:], test[:, :-1], test[:, 1:], classes=False)
    return Text(name, made.train, made.validation, made.test, texts.VOCABULARY, " ")


def _shakespeare(name: str) -> Text:
    """1,115,394 characters of Shakespeare in windows, in their order: the first eight tenths train, the last tenth tests."""
    path = data_folder() / FILES[name]
    if not path.exists():
        _download_text(name, path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        again = "delete it and let it be downloaded again"
        raise LotteryError(f"{path} is damaged or no text ({_one_line(error)}): {again}.") from error
    count = (len(text) - 1) // CHARACTERS
    if count < 10:
        raise LotteryError(f"{path} has {len(text)} characters, too few: delete it and let it be downloaded again.")
    alphabet = tuple(sorted(set(text)))
    place = {character: index for index, character in enumerate(alphabet)}
    tokens = torch.tensor([place[character] for character in text[: count * CHARACTERS + 1]])
    inputs, targets = (part.view(count, CHARACTERS) for part in (tokens[:-1], tokens[1:]))
    ends = [0, count * 8 // 10, count * 9 // 10, count]
    return Text(name, *(Split(inputs[a:b].clone(), targets[a:b].clone()) for a, b in zip(ends, ends[1:])), alphabet)


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
    scaled = [torch.from_numpy(part.astype(np.float32) / np.float32(255))[:, None] for part in (images, test_images)]
    inputs, test_inputs = scaled
    return from_arrays(name, inputs, inputs.flatten(1), test_inputs, test_inputs.flatten(1), classes=False)


# Data sets that are no pictures or signals with a class each; a file of "" is none.
MADE_OTHERWISE = {
    **{"grammar": _language, "tinyshakespeare": _shakespeare, "sbm": _graph, "cora": _graph},
    **{"digits-pixels": _bare_pictures, "mnist-pixels": _bare_pictures},
}
FILES = {
    **{"grammar": "", "tinyshakespeare": "tinyshakespeare.txt", "sbm": "", "cora": "cora.npz"},
    **{"digits-pixels": "", "mnist-pixels": "mnist.npz"},
}


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


def _download_text(name: str, path: Path) -> None:
    """Fetch Shakespeare, check its checksum, and keep it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(SHAKESPEARE, timeout=60) as answer:
            content = answer.read()
        found = hashlib.sha256(content).hexdigest()
        if found != SHAKESPEARE_SHA256:
            raise ValueError(f"its checksum is {found[:12]}... and not {SHAKESPEARE_SHA256[:12]}...")
        part = path.with_name(f".{path.name}-{os.getpid()}")
        part.write_bytes(content)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        raise LotteryError(
            f"data set {name!r} is not at {path} and could not be downloaded ({_one_line(error)}): "
            f"connect to a network, copy {path.name} there, or use task transformer-grammar."
        ) from error


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
