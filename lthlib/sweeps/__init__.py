"""Notebooks in batches: a grid of parameters from a YAML file, run here or on a Ray cluster."""
