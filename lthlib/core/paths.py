"""Where things are: this checkout, results and data."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]  # the folder that holds lthlib/; of a checkout, its root


def results_folder() -> Path:
    """Where results are kept: `LTHLIB_RESULTS` if set, else `results/` of this checkout or where you are."""
    return _folder("LTHLIB_RESULTS", "results")


def data_folder() -> Path:
    """Where data sets are kept: `LTHLIB_DATA` if set, else `data/` of this checkout or where you are."""
    return _folder("LTHLIB_DATA", "data")


def _folder(variable: str, name: str) -> Path:
    if os.environ.get(variable):
        return Path(os.environ[variable])
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / name
