"""Masks, and what makes the next one: criteria, their allocation over the layers, and structure."""

from lthlib.pruning import at_initialisation, magnitude  # each registers its criteria
