"""Networks, a file an architecture, and for each which weights are prunable and at what rate.

Any `torch.nn.Module` will do. Prunable are the weights of its linear and convolutional layers; biases,
embeddings, normalisation and frozen weights are never pruned. A module may name further parameters of its own
in an attribute `also_prunable`, such as ("edges",). A network may carry an attribute `rate_factors`, a
dictionary from the name of a prunable weight to what its rate is multiplied by: 0.5 prunes it at half the
rate of the others, 0 keeps it whole.
"""

from lthlib.models.conv import Conv
from lthlib.models.coverage import Coverage, coverage
from lthlib.models.gcn import GCN, Neighbours
from lthlib.models.inputs import layer_inputs
from lthlib.models.layers import glorot
from lthlib.models.lenet import LeNet
from lthlib.models.outputs import output_layers
from lthlib.models.prunable import (
    PRUNABLE_LAYERS,
    aliases,
    initial_weights,
    layer_names,
    layer_rates,
    load,
    prunable,
    seeded,
    tied,
)
from lthlib.models.resnet import ResNet
from lthlib.models.transformer import Transformer
from lthlib.models.vae import VAE, Noise
from lthlib.models.vgg import VGG
