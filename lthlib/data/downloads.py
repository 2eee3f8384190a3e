"""The data folder, and the files that are fetched into it once."""

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.paths import data_folder
from lthlib.data.images import NO_DOWNLOAD

# Files and downloads

TORCHVISION_CLASS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
TORCHVISION_CLASS |= {"cifar10": "CIFAR10", "cifar100": "CIFAR100"}
PIECES = ("train_images", "train_labels", "test_images", "test_labels")
SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


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
    """Fetch a data set with torchvision, which checks MD5 sums and shows a bar, and keep it as one file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-")
    except OSError as error:
        reason = f"the data folder {path.parent} cannot be written ({_one_line(error)})"
        raise LotteryError(f"{reason}: set LTHLIB_DATA to one that can.") from error
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
        checksum = hashlib.sha256(content).hexdigest()
        if checksum != SHAKESPEARE_SHA256:
            raise ValueError(f"its checksum is {checksum[:12]}... and not {SHAKESPEARE_SHA256[:12]}...")
        part = path.with_name(f".{path.name}-{os.getpid()}")
        part.write_bytes(content)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        raise LotteryError(
            f"data set {name!r} is not at {path} and could not be downloaded ({_one_line(error)}): "
            f"connect to a network, copy {path.name} there, or use task transformer-grammar."
        ) from error


def _torchvision():
    """torchvision, also beside a CPU-only torch, where its import stops at operators nobody registered."""
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


FILES = {
    **{"grammar": "", "tinyshakespeare": "tinyshakespeare.txt", "sbm": "", "cora": "cora.npz"},
    **{"digits-pixels": "", "mnist-pixels": "mnist.npz"},
}
