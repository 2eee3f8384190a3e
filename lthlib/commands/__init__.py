"""The commands of `python -m lthlib`: a function that adds the options of each, and one that carries it
out."""
