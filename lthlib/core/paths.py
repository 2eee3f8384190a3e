"""Where things are: this checkout, results and data."""

import os
from pathlib import Path


def results_folder() -> Path:
    """Where results are kept: `LTHLIB_RESULTS` if set, else `results/` of this checkout, else `results/` where you are."""
    if os.environ.get("LTHLIB_RESULTS"):
        return Path(os.environ["LTHLIB_RESULTS"])
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "results"
