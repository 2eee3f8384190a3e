"""What the laboratory offers, each with a few words on what it is."""

from lthlib.core.language import mark, say

TASKS = {
    "lenet-mnist1d": mark("a small network on digits squeezed into 40 numbers"),
    "lenet-digits": mark("a small network on 8 × 8 pictures of digits; the quickest"),
    "lenet-cluttered": mark("a small network on digits among bits of other digits"),
    "lenet-mnist": mark("a small network on the 28 × 28 digits of MNIST"),
    "lenet-fashion-mnist": mark("a small network on 28 × 28 pictures of clothes"),
    "lenet-cifar10": mark("a small network without convolutions on colour photographs, 10 classes"),
    "lenet-cifar100": mark("a small network without convolutions on colour photographs, 100 classes"),
    "conv2-cluttered": mark("2 convolutions on cluttered digits"),
    "conv4-cluttered": mark("4 convolutions on cluttered digits"),
    "conv6-cluttered": mark("6 convolutions on cluttered digits"),
    "vgg7-cluttered": mark("a deeper network, VGG, on cluttered digits"),
    "resnet8-cluttered": mark("a network with shortcuts, ResNet, on cluttered digits"),
    "conv2-narrow-cifar10": mark("2 narrow convolutions on colour photographs"),
    "conv2-cifar10": mark("2 convolutions on colour photographs"),
    "conv4-cifar10": mark("4 convolutions on colour photographs"),
    "conv6-cifar10": mark("6 convolutions on colour photographs"),
    "conv2-dropout-cifar10": mark("2 convolutions on colour photographs, with dropout"),
    "conv4-dropout-cifar10": mark("4 convolutions on colour photographs, with dropout"),
    "conv6-dropout-cifar10": mark("6 convolutions on colour photographs, with dropout"),
    "vgg19-cifar10": mark("a deep network, VGG, on colour photographs; needs a GPU"),
    "resnet20-cifar10": mark("a deep network with shortcuts, ResNet, on colour photographs; needs a GPU"),
    "transformer-grammar": mark("a transformer that guesses the next letter of a made-up language"),
    "transformer-tinyshakespeare": mark("a transformer that guesses the next letter of Shakespeare"),
    "gcn-sbm": mark("a network on a graph: which group a node belongs to"),
    "gcn-cora": mark("a network on a graph of papers: which field a paper belongs to"),
    "vae-digits": mark("a network that draws 8 × 8 digits, a variational autoencoder"),
    "vae-mnist": mark("a network that draws 28 × 28 digits, a variational autoencoder"),
}
CONTROLS = {
    "reinit": mark("the ticket's mask, new random initial weights"),
    "shuffle": mark("the ticket's initial weights, its mask shuffled in each layer"),
    "random": mark("new weights and a shuffled mask: any sparse network"),
    "dense": mark("the whole network again, with the data in another order: what chance alone does"),
    "invert": mark("the ticket's initial weights, but the largest weights pruned instead of the smallest"),
    "fork": mark("the ticket again, with the data in another order"),
    "reinit_signs": mark("the ticket's mask, new sizes, the signs of the old weights"),
    "reshuffle": mark("the ticket's mask, its weights exchanged among its places"),
    "reshuffle_signs": mark("the same, but every place keeps its sign"),
    "constant": mark("the ticket's mask, all weights of one size with random signs"),
    "constant_signs": mark("the same, with the signs of the old weights"),
    "frozen": mark("pruned weights stay at their initial values and are not set to zero"),
    "frozen_away": mark("the same, only for weights that training moved away from zero"),
}


def offered(names: list[str], words: dict[str, str]) -> list[tuple[str, str]]:
    """Options of a list, each a name with its words; what has no words is offered by its name."""
    return [(f"{name}: {say(words[name])}" if name in words else name, name) for name in names]
