"""Data sets as whole tensors in memory, with their splits: `load` one by name, or make one with
`from_arrays`."""

from lthlib.core.paths import data_folder
from lthlib.data.catalogue import MADE_OTHERWISE, NAMES, at_hand, load
from lthlib.data.datasets import Dataset, Graph, Split, Text, from_arrays
from lthlib.data.downloads import FILES, TORCHVISION_CLASS
from lthlib.data.images import NO_DOWNLOAD
from lthlib.data.variants import fewer_examples, noisy_labels
