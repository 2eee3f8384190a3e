"""Images that need no download (digits, cluttered digits, MNIST-1D), and normalisation."""

import numpy as np

from lthlib.core.errors import LotteryError

NO_DOWNLOAD = ("digits", "cluttered", "mnist1d")


# Mean and standard deviation of each channel over the training images, for pixels from 0 to 1. MNIST's are
# the pair that fits the published reproductions of Frankle & Carbin (the paper states none); the others are
# the customary ones.
NORMALISATION = {
    "digits": ((0.3053,), (0.3760,)),
    "cluttered": ((0.1690,), (0.3527,)),
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2860,), (0.3530,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}

DIGITS_FOR_TEST = 497  # of scikit-learn's 1,797 images, which come without a test set of their own


def _digits() -> list[np.ndarray]:
    """scikit-learn's 1,797 digits as bytes, [N, 8, 8]: images and labels for training, then for the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))
    test, train = np.sort(order[:DIGITS_FOR_TEST]), np.sort(order[DIGITS_FOR_TEST:])
    return [images[train], bunch.target[train], images[test], bunch.target[test]]


def _cluttered() -> list[np.ndarray]:
    """Each of scikit-learn's digits somewhere on a larger, noisy canvas with scraps of others: what a digit
    is does not depend on where it is, which suits convolutions. 4,000 training and 1,000 test images [N, 12,
    12]; no digit is in both."""
    images, labels, test_images, test_labels = _digits()
    random = np.random.RandomState(0)
    which = np.resize(random.permutation(len(labels)), 4000)
    test_which = np.resize(random.permutation(len(test_labels)), 1000)
    canvases, test_canvases = _clutter(images, which, random), _clutter(test_images, test_which, random)
    return [canvases, labels[which], test_canvases, test_labels[test_which]]


def _clutter(digits: np.ndarray, which: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Digits [N, 8, 8] -> canvases [len(which), 12, 12]: two 4x4 scraps, the digit, noise over all."""
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
        message = "data set 'mnist1d' needs the package mnist1d: run `pip install mnist1d`."
        raise LotteryError(message) from error
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
