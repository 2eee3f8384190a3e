"""Shares as people read them."""


def rounded(value: float, digits: int = 1) -> str:
    """A number with so many decimals, or one too small for them with two digits that count: "21.1", "0.018"."""
    return f"{value:.2g}" if 0 < value < min(0.1, 10 ** (1 - digits)) else f"{value:.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 in percent: "21.1 %", and "0.018 %" rather than "0.0 %"."""
    return f"{rounded(100 * share, digits)} %"
