"""Where data sets are downloaded from, over https alone, and the SHA-256 of every file.

MNIST's checksums were computed from files with the MD5 sums that torchvision lists, and are those of
TensorFlow Datasets (url_checksums/mnist.txt). Fashion-MNIST's are TensorFlow Datasets' too
(url_checksums/fashion_mnist.txt), CIFAR's are Keras's (datasets/cifar10.py, cifar100.py); several public lists
give them beside the MD5 sums that the authors and torchvision name. Mirrors are torchvision's where those are
https, else the authors' repository, then TensorFlow's and Keras's.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Files by name, with their SHA-256; addresses of folders that have them, asked in this order; and where
    torchvision looks for them, below its root."""

    files: dict[str, str]
    mirrors: tuple[str, ...]
    place: str = ""


def _images(train_images: str, train_labels: str, test_images: str, test_labels: str) -> dict[str, str]:
    """The four files of MNIST and of what is made like it, with these checksums."""
    return {
        "train-images-idx3-ubyte.gz": train_images,
        "train-labels-idx1-ubyte.gz": train_labels,
        "t10k-images-idx3-ubyte.gz": test_images,
        "t10k-labels-idx1-ubyte.gz": test_labels,
    }


TORONTO = "https://www.cs.toronto.edu/~kriz/"
GITHUB = "https://raw.githubusercontent.com/"
GOOGLE = "https://storage.googleapis.com/"
SOURCES = {
    "mnist": Source(
        _images(
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", f"{GOOGLE}cvdf-datasets/mnist/"),
        "MNIST/raw",
    ),
    "fashion-mnist": Source(
        _images(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        (f"{GITHUB}zalandoresearch/fashion-mnist/master/data/fashion/", f"{GOOGLE}tensorflow/tf-keras-datasets/"),
        "FashionMNIST/raw",
    ),
    "cifar10": Source({"cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"}, (TORONTO,)),
    "cifar100": Source(
        {"cifar-100-python.tar.gz": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"}, (TORONTO,)
    ),
    "tinyshakespeare": Source(
        {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
        (f"{GITHUB}karpathy/char-rnn/master/data/tinyshakespeare/",),
    ),
}
