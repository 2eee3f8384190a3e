"""Masks, and what makes the next one: criteria, their allocation over the layers, and structure."""

# They register their criteria, in the order in which messages and figures list them.
from lthlib.pruning import magnitude

# isort: split
from lthlib.pruning import activations, at_initialisation
