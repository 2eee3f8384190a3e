"""data.downloads: https alone, and a file of another SHA-256 is never unpacked."""

import gzip
import hashlib
import http.client
import io

import numpy as np
import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.data import downloads
from lthlib.data.sources import SOURCES, Source
from tests.conftest import PREPARE

LOCAL = PREPARE.parent / "mnist"


class Web:
    """What the web answers, by address; every address that was asked for."""

    def __init__(self, monkeypatch, answers):
        self.answers, self.asked = answers, []
        monkeypatch.setattr(downloads.urllib.request, "urlopen", self.open)

    def open(self, request, timeout):
        self.asked.append(request.full_url)
        answer = self.answers(request.full_url)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)


def idx(array):
    """An array of bytes in MNIST's file format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.mark.parametrize("name", [*downloads.TORCHVISION_CLASS, "tinyshakespeare"])
def test_every_source_is_https_with_a_checksum_of_its_own(name):
    source = SOURCES[name]
    assert source.mirrors and all(mirror.startswith("https://") and mirror.endswith("/") for mirror in source.mirrors)
    checksums = [sha256 for other in SOURCES.values() for sha256 in other.files.values()]
    assert len(set(checksums)) == len(checksums) and all(len(bytes.fromhex(sha256)) == 32 for sha256 in checksums)


@pytest.mark.parametrize("name", downloads.TORCHVISION_CLASS)
def test_files_are_those_that_torchvision_unpacks(name):
    dataset = getattr(downloads._torchvision().datasets, downloads.TORCHVISION_CLASS[name])
    known = {file for file, _ in dataset.resources} if hasattr(dataset, "resources") else {dataset.filename}
    assert SOURCES[name].files.keys() == known


def test_the_second_mirror_is_asked_where_the_first_gives_something_else(tmp_path, monkeypatch):
    good = b"the file"
    for wrong in (b"another file", OSError("no route"), http.client.IncompleteRead(b"the")):
        web = Web(monkeypatch, lambda address, wrong=wrong: good if address == "https://b/file" else wrong)
        source = Source({"file": hashlib.sha256(good).hexdigest()}, ("https://a/", "https://b/"))
        [path] = downloads._fetch(source, tmp_path / "below")
        assert path.read_bytes() == good and web.asked == ["https://a/file", "https://b/file"]


def test_fashion_mnist_with_another_checksum_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    web = Web(monkeypatch, lambda address: idx(np.zeros((2, 28, 28), np.uint8)))
    with pytest.raises(LotteryError, match=r"raw.githubusercontent.*checksum is .* and not 3aede38d6186.*copy fashion-mnist.npz"):
        data.load("fashion-mnist")
    assert not list(tmp_path.iterdir()) and all(address.startswith("https://") for address in web.asked)
    assert len(web.asked) == len(SOURCES["fashion-mnist"].mirrors)


def test_fashion_mnist_is_unpacked_by_torchvision_without_a_second_download(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    random, files = np.random.RandomState(0), {}
    for name in SOURCES["fashion-mnist"].files:
        shape = (40, 28, 28) if "images" in name else (40,)
        files[name] = random.randint(0, 10, shape).astype(np.uint8)
    packed = {name: idx(array) for name, array in files.items()}
    dataset = downloads._torchvision().datasets.FashionMNIST
    monkeypatch.setattr(dataset, "resources", [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()])
    monkeypatch.setattr(dataset, "mirrors", ["http://never.asked/"])
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in packed.items()}
    monkeypatch.setitem(SOURCES, "fashion-mnist", Source(checksums, ("https://here/",), "FashionMNIST/raw"))
    web = Web(monkeypatch, lambda address: packed[address.rpartition("/")[2]])
    loaded = data.load("fashion-mnist")
    assert torch.equal(loaded.test.targets, torch.from_numpy(files["t10k-labels-idx1-ubyte.gz"]).long())
    assert web.asked == [f"https://here/{name}" for name in packed]
    assert [path.name for path in tmp_path.iterdir()] == ["fashion-mnist.npz"]


@pytest.mark.skipif(not LOCAL.exists(), reason="no copy of MNIST's own files here, and tests download nothing")
def test_mnists_own_files_pass_and_become_the_same_arrays(tmp_path, monkeypatch, mnist_folder):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    Web(monkeypatch, lambda address: (LOCAL / address.rpartition("/")[2]).read_bytes())
    arrays = downloads._stored("mnist")
    for ours, theirs in zip(arrays, downloads._read(mnist_folder / "mnist.npz")):
        assert np.array_equal(ours, theirs)
