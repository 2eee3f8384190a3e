"""Checks of a caller's values: each raises one clear sentence that names the value and what is allowed."""

import difflib
from collections.abc import Callable, Iterable

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


def at_least(what: str, value, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise LotteryError(f"{what} is {value!r}: give a whole number, {least} or more.")


def number(what: str, value, holds: Callable[[float], bool], allowed: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(value):
        raise LotteryError(f"{what} is {value!r}: give {allowed}.")
