"""Checks of a caller's values: each raises one clear sentence that names the value and what is allowed."""

import dataclasses
import difflib
from collections.abc import Callable, Iterable

import numpy as np

from lthlib.core.errors import LotteryError


def one_of(what: str, value, allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    if value not in allowed:
        hint = did_you_mean(value, allowed)
        raise LotteryError(f"unknown {what} {value!r}: {hint}choose one of {', '.join(allowed)}.")


def did_you_mean(value, allowed: Iterable[str]) -> str:
    """A question that names the closest allowed value, with a space behind it; empty where none is close."""
    close = difflib.get_close_matches(str(value), list(allowed), n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def plain(value):
    """What NumPy, torch or pandas holds, as Python's own number, text or list; anything else as it is.

    A number of 16 or 32 bits becomes the shortest decimal that stands for it, so that np.float32(0.2) is 0.2
    and names the same setting.
    """
    if not hasattr(value, "tolist"):
        return value
    kind, values = str(getattr(value, "dtype", "")).removeprefix("torch."), value.tolist()
    if kind not in ("float16", "float32"):
        return values
    return np.asarray(values, kind).astype(str).astype(float).tolist()


def plain_fields(instance) -> None:
    """Make every field of a frozen dataclass `plain`, so that it is compared, hashed and kept as JSON."""
    for field in dataclasses.fields(instance):
        object.__setattr__(instance, field.name, plain(getattr(instance, field.name)))


def at_least(what: str, value, least: int) -> int:
    """The whole number, as Python's own."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise LotteryError(f"{what} is {value!r}: give a whole number, {least} or more.")
    return value


def number(what: str, value, holds: Callable[[float], bool], allowed: str) -> float:
    """The number, as Python's own."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(value):
        raise LotteryError(f"{what} is {value!r}: give {allowed}.")
    return value
