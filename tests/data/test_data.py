import types
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.data import downloads
from lthlib.data import images as images_module


@pytest.mark.parametrize(
    ("name", "sizes", "shape"),
    [
        ("digits", (1192, 108, 497), (1, 8, 8)),
        ("cluttered", (3667, 333, 1000), (1, 12, 12)),
        ("mnist1d", (3667, 333, 1000), (40,)),
    ],
)
def test_sets_without_a_download(name, sizes, shape):
    loaded = data.load(name)
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == sizes
    assert loaded.input_shape == shape and loaded.classes == 10
    assert abs(float(loaded.train.inputs.mean())) < 0.02 and abs(float(loaded.train.inputs.std()) - 1) < 0.02


def test_splits_share_no_example_and_lose_none():
    inputs = torch.arange(120.0)[:, None]
    made = data.from_arrays("count", inputs, torch.zeros(120), inputs[:7] + 1000, torch.zeros(7))
    seen = torch.cat([made.train.inputs, made.validation.inputs]).flatten()
    assert len(made.validation) == 10
    assert torch.equal(seen.sort().values, torch.arange(120.0))


def test_validation_is_5000_of_a_large_training_set():
    zeros = torch.zeros(50_000)
    assert len(data.from_arrays("many", zeros[:, None], zeros, zeros[:1, None], zeros[:1]).validation) == 5000


def test_loading_twice_gives_the_same_and_leaves_numpys_random_state():
    state = np.random.get_state()[1].copy()
    assert data.load("mnist1d").fingerprint() == data.load("mnist1d").fingerprint()
    assert (np.random.get_state()[1] == state).all()


def test_cluttered_digits_are_fixed_and_each_is_somewhere_on_its_canvas():
    images, labels, test_images, test_labels = images_module._cluttered()
    digits, classes, test_digits, test_classes = images_module._digits()
    assert (images_module._cluttered()[0] == images).all()
    assert min(np.bincount(labels)) > 300 and min(np.bincount(test_labels)) > 70
    for canvases, named, source, source_named in (
        (images, labels, digits, classes),
        (test_images, test_labels, test_digits, test_classes),
    ):
        for canvas, label in zip(canvases[:20], named):
            windows = np.lib.stride_tricks.sliding_window_view(canvas, (8, 8)).reshape(-1, 1, 64)
            of_class = source[source_named == label].reshape(1, -1, 64).astype(float)
            assert abs(((windows - of_class) ** 2).mean(2).min() ** 0.5 / (0.15 * 255) - 1) < 0.3  # the noise alone is left


def test_fingerprint_sees_one_label(blobs):
    targets = blobs.train.targets.clone()
    targets[0] = (targets[0] + 1) % 3
    other = data.Dataset(blobs.name, data.Split(blobs.train.inputs, targets), blobs.validation, blobs.test)
    assert other.fingerprint() != blobs.fingerprint()


def write_npz(path, images=(60, 28, 28), classes=10):
    labels = np.arange(images[0], dtype=np.uint8) % classes
    pixels = np.random.RandomState(0).randint(0, 256, images).astype(np.uint8)
    np.savez(path, train_images=pixels, train_labels=labels, test_images=pixels, test_labels=labels)


def test_reads_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    write_npz(tmp_path / "mnist.npz")
    write_npz(tmp_path / "cifar10.npz", images=(60, 32, 32, 3))
    assert data.load("mnist").input_shape == (1, 28, 28)
    assert data.load("cifar10").input_shape == (3, 32, 32)


def test_normalisation_is_the_stated_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    write_npz(tmp_path / "mnist.npz")
    raw = np.load(tmp_path / "mnist.npz")["test_images"]
    expected = (raw[:, None] / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(data.load("mnist").test.inputs.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "garbage", "lacking"])
def test_damaged_file_is_named_with_a_fix(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    path = tmp_path / "mnist.npz"
    write_npz(path)
    raw = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "flipped":
        raw[len(raw) // 3] ^= 1
        path.write_bytes(raw)
    elif damage == "garbage":
        path.write_bytes(b"not a data set")
    else:
        np.savez(path, train_images=np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(LotteryError, match=r"mnist\.npz.*delete the file"):
        data.load("mnist")


def test_no_network_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    monkeypatch.setattr(downloads.urllib.request, "urlopen", unreachable)
    with pytest.raises(LotteryError, match="could not be downloaded .*no route to host.*cifar100.npz"):
        data.load("cifar100")
    assert not list(tmp_path.iterdir())


def test_download_becomes_one_file(tmp_path, monkeypatch):
    def fetched(folder, train, download):
        count = 36 if train else 5
        return types.SimpleNamespace(data=np.zeros((count, 32, 32, 3), np.uint8), targets=list(range(count)))

    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    monkeypatch.setattr(downloads, "_torchvision", lambda: types.SimpleNamespace(datasets=types.SimpleNamespace(CIFAR10=fetched)))
    monkeypatch.setattr(downloads, "_fetch", lambda source, folder: folder.mkdir(exist_ok=True))
    assert len(data.load("cifar10").test) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10.npz"]


def test_torchvision_imports():
    assert hasattr(downloads._torchvision().datasets, "CIFAR10")


def test_unknown_name_and_bad_arrays():
    with pytest.raises(LotteryError, match="unknown data set 'minst'"):
        data.load("minst")
    with pytest.raises(LotteryError, match="one class number for each example"):
        data.from_arrays("odd", torch.zeros(4, 2), torch.zeros(3), torch.zeros(1, 2), torch.zeros(1))
    for inputs, targets, says in [
        (torch.full((4, 2), float("nan")), torch.zeros(4), "not finite"),
        (torch.zeros(4, 2), torch.full((4,), 0.5), "no whole numbers"),
        (torch.zeros(4, 2), ["a", "b", "a", "b"], "targets of data set 'odd' are no array of numbers"),
        ([[1, 2], [3]], torch.zeros(2), "inputs of data set 'odd' are no array of numbers"),
    ]:
        with pytest.raises(LotteryError, match=says):
            data.from_arrays("odd", inputs, targets, torch.zeros(1, 2), torch.zeros(1))
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 2, 3, 4]})
    assert data.from_arrays("table", frame, frame.a - 1, frame, frame.b - 1).classes == 4
    with pytest.raises(LotteryError, match="label -1"):
        data.from_arrays("negative", torch.zeros(4, 2), -torch.ones(4), torch.zeros(1, 2), torch.zeros(1))


def test_real_mnist(mnist_folder, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(mnist_folder))
    mnist = data.load("mnist")
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert abs(float(mnist.train.inputs.mean())) < 0.01 and abs(float(mnist.train.inputs.std()) - 1) < 0.01
