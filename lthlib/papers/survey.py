"""The map of the field: topics by the heads of Liu et al. (2024), arXiv 2403.04861, each with its lesson or
its papers; and how the papers' notations for the same number translate."""

import math
from pathlib import Path

import pandas as pd
import yaml

from lthlib.core.errors import LotteryError

FILE = Path(__file__).with_name("survey.yaml")


def topics() -> pd.DataFrame:
    """One row a topic: head, topic, question, lessons (numbers) and papers (a dictionary from name to arXiv
    number)."""
    return pd.DataFrame([{"head": head["head"], **topic} for head in _read()["heads"] for topic in head["topics"]])


def questions() -> pd.DataFrame:
    """Open questions: question, experiment (the smallest that would move it), command (a first step here) and
    lessons."""
    return pd.DataFrame(_read()["questions"])


def notations(density: float, rate: float = 0.2) -> dict[str, float]:
    """A density, 0 to 1, as the papers write it; `rate` is the share of survivors that a round removes.

    Raises LotteryError for a density or a rate that leaves nothing or everything.
    """
    for name, value in (("density", density), ("rate", rate)):
        if not 0 < value < 1:
            raise LotteryError(f"the {name} is {value!r}: give a share above 0 and below 1.")
    return {
        "density (here)": density,
        "weights remaining, P_m (%)": 100 * density,
        "sparsity": 1 - density,
        "compression ratio": 1 / density,
        "log10 of the compression ratio": -math.log10(density),
        f"rounds at rate {rate:g}": math.log(density) / math.log(1 - rate),
    }


def _read() -> dict:
    return yaml.safe_load(FILE.read_text())
