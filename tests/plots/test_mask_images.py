import matplotlib
import pytest
import torch

matplotlib.use("Agg")
from lthlib.plots import mask_images


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5), (20,)])
def test_input_maps_take_images_and_signals(shape):
    size = 60 if len(shape) == 3 else 20
    figure = mask_images.input_maps({"a": torch.arange(size), "b": torch.zeros(size)}, shape)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["a", "b"]
    assert figure.get_label() == f"Pictures of the input: a, from 0 to {size - 1}; b, from 0 to 0."


def test_maps_of_many_levels_fill_rows():
    figure = mask_images.input_maps({f"level {n}": torch.ones(4) for n in range(5)}, (2, 2), columns=3)
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.get_title()]
    assert len(shown) == 5 and shown[0].get_subplotspec().get_gridspec().get_geometry() == (2, 3)


def test_masks_are_drawn_as_they_are():
    mask = torch.tensor([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=torch.bool)
    figure = mask_images.mask_pictures({"conv1": mask, "fc1": torch.ones(3, 2)})
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.tolist() == [[True, False, False, False], [False, False, False, True]]
    assert figure.axes[0].get_title() == "conv1: 25 % kept" and figure.axes[0].get_ylabel() == "2 outputs"
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["4 weights of its kernels", "2 inputs"]
    assert figure.get_label() == "Masks, black is kept: conv1 25 %, fc1 100 %."


@pytest.mark.parametrize("channels", [1, 3])
def test_examples_share_one_scale(channels):
    images = torch.stack([torch.zeros(channels, 4, 5), torch.full((channels, 4, 5), 2.0), torch.full((channels, 4, 5), 1.0)])
    figure = mask_images.examples(images, ["7", "0", "7"], columns=2)
    assert [float(axes.images[0].get_array().mean()) for axes in figure.axes if axes.images] == [0, 1, 0.5]
    assert figure.get_label() == "3 examples, 4 by 5 pixels; their labels are 7, 0, 7."


def test_where_weights_began_and_ended():
    start, end = torch.tensor([[1.0, -2.0], [3.0, -4.0]]), torch.tensor([[0.5, -3.0], [-1.0, 5.0]])
    kept = torch.tensor([[False, True], [False, True]])
    figure = mask_images.start_and_end({"a": (start, end, kept), "none": (start, end, kept | True)})
    masked, blue = (dots.get_offsets().tolist() for dots in figure.axes[0].collections)
    assert sorted(masked) == [[1.0, 0.5], [3.0, -1.0]] and sorted(blue) == [[-4.0, 5.0], [-2.0, -3.0]]
    text = figure.get_label()
    assert text.endswith("Ended nearer to zero: a: 100 % of 2 masked and 0 % of 2 kept. none: 50 % of 4 kept.")
    many = torch.randn(500)
    figure = mask_images.start_and_end({"b": (many, many + 1, many > 0)}, sample=100)
    assert sum(len(dots.get_offsets()) for dots in figure.axes[0].collections) == 100
