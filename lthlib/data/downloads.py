"""The data folder, and the files that are fetched into it once."""

import contextlib
import hashlib
import http.client
import io
import os
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lthlib.core.errors import LotteryError
from lthlib.core.paths import data_folder
from lthlib.data.images import NO_DOWNLOAD
from lthlib.data.sources import SOURCES, Source

TORCHVISION_CLASS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
TORCHVISION_CLASS |= {"cifar10": "CIFAR10", "cifar100": "CIFAR100"}
PIECES = ("train_images", "train_labels", "test_images", "test_labels")


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
    """Fetch a data set's files, have torchvision unpack them, and keep it as one file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-")
    except OSError as error:
        reason = f"the data folder {path.parent} cannot be written ({_one_line(error)})"
        raise LotteryError(f"{reason}: set LTHLIB_DATA to one that can.") from error
    with scratch as folder:
        try:
            _fetch(SOURCES[name], Path(folder, SOURCES[name].place))
            with contextlib.redirect_stdout(io.StringIO()):  # download: unpacks what is there already
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
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{name}-") as folder:
            [part] = _fetch(SOURCES[name], Path(folder))
            os.replace(part, path)
    except OSError as error:
        raise LotteryError(
            f"data set {name!r} is not at {path} and could not be downloaded ({_one_line(error)}): "
            f"connect to a network, copy {path.name} there, or use task transformer-grammar."
        ) from error


def _fetch(source: Source, folder: Path) -> list[Path]:
    """Fetch the files of a source into a folder, each from the first mirror that gives it whole. Raises
    OSError, which names every mirror's problem."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sha256 in source.files.items():
        problems = []
        for mirror in source.mirrors:
            try:
                _fetch_from(mirror + name, folder / name, sha256)
                break
            except (OSError, http.client.HTTPException) as error:
                problems.append(f"{mirror}{name}: {_one_line(error)}")
        else:
            raise OSError("; ".join(problems))
    return [folder / name for name in source.files]


def _fetch_from(address: str, path: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    request = urllib.request.Request(address, headers={"User-Agent": "lthlib"})
    with urllib.request.urlopen(request, timeout=60) as answer, open(path, "wb") as file:
        total = getattr(answer, "length", None)
        with tqdm(desc=path.name, total=total, unit="B", unit_scale=True, leave=False, disable=None) as shown:
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                shown.update(len(chunk))
    if digest.hexdigest() != sha256:
        raise OSError(f"its checksum is {digest.hexdigest()[:12]}... and not {sha256[:12]}...")


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
