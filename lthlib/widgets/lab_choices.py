"""What the laboratory offers, each with a few words on what it is."""

TASKS = {
    "lenet-mnist1d": "a small network on digits squeezed into 40 numbers",
    "lenet-digits": "a small network on 8 × 8 pictures of digits; the quickest",
    "lenet-cluttered": "a small network on digits among bits of other digits",
    "lenet-mnist": "a small network on the 28 × 28 digits of MNIST",
    "lenet-fashion-mnist": "a small network on 28 × 28 pictures of clothes",
    "lenet-cifar10": "a small network without convolutions on colour photographs, 10 classes",
    "lenet-cifar100": "a small network without convolutions on colour photographs, 100 classes",
    "conv2-cluttered": "2 convolutions on cluttered digits",
    "conv4-cluttered": "4 convolutions on cluttered digits",
    "conv6-cluttered": "6 convolutions on cluttered digits",
    "vgg7-cluttered": "a deeper network, VGG, on cluttered digits",
    "resnet8-cluttered": "a network with shortcuts, ResNet, on cluttered digits",
    "conv2-narrow-cifar10": "2 narrow convolutions on colour photographs",
    "conv2-cifar10": "2 convolutions on colour photographs",
    "conv4-cifar10": "4 convolutions on colour photographs",
    "conv6-cifar10": "6 convolutions on colour photographs",
    "conv2-dropout-cifar10": "2 convolutions on colour photographs, with dropout",
    "conv4-dropout-cifar10": "4 convolutions on colour photographs, with dropout",
    "conv6-dropout-cifar10": "6 convolutions on colour photographs, with dropout",
    "vgg19-cifar10": "a deep network, VGG, on colour photographs; needs a GPU",
    "resnet20-cifar10": "a deep network with shortcuts, ResNet, on colour photographs; needs a GPU",
    "transformer-grammar": "a transformer that guesses the next letter of a made-up language",
    "transformer-tinyshakespeare": "a transformer that guesses the next letter of Shakespeare",
    "gcn-sbm": "a network on a graph: which group a node belongs to",
    "gcn-cora": "a network on a graph of papers: which field a paper belongs to",
    "vae-digits": "a network that draws 8 × 8 digits, a variational autoencoder",
    "vae-mnist": "a network that draws 28 × 28 digits, a variational autoencoder",
}
CONTROLS = {
    "reinit": "the ticket's mask, new random initial weights",
    "shuffle": "the ticket's initial weights, its mask shuffled in each layer",
    "random": "new weights and a shuffled mask: any sparse network",
    "dense": "the whole network again, with the data in another order: what chance alone does",
    "invert": "the ticket's initial weights, but the largest weights pruned instead of the smallest",
    "fork": "the ticket again, with the data in another order",
    "reinit_signs": "the ticket's mask, new sizes, the signs of the old weights",
    "reshuffle": "the ticket's mask, its weights exchanged among its places",
    "reshuffle_signs": "the same, but every place keeps its sign",
    "constant": "the ticket's mask, all weights of one size with random signs",
    "constant_signs": "the same, with the signs of the old weights",
    "frozen": "pruned weights stay at their initial values and are not set to zero",
    "frozen_away": "the same, only for weights that training moved away from zero",
}
NO_CONTROL = "the ticket alone"


def offered(names: list[str], words: dict[str, str]) -> list[tuple[str, str]]:
    """Options of a list, each a name with its words; what has no words is offered by its name."""
    return [(f"{name}: {words[name]}" if name in words else name, name) for name in names]
