"""Looks: each time `hunt` returns a table, somebody may look at it, and decide by it whether to add trials.

A test at 95 % is wrong in one case of twenty if the number of trials was decided beforehand. Whoever looks,
adds trials while the answer is not the hoped-for one, and looks again, is wrong more often. So `hunt`
counts its looks, and says which trials were added after one.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from lthlib.core.progress import notice
from lthlib.settings import Extent, Setting
from lthlib.storage.store import Store

_nobody_looks = ContextVar("nobody looks", default=False)


@contextlib.contextmanager
def unseen() -> Iterator[None]:
    """Hunts inside are no looks: their number of trials was decided before the first of them."""
    before = _nobody_looks.set(True)
    try:
        yield
    finally:
        _nobody_looks.reset(before)


def note(store: Store, setting: Setting, extent: Extent) -> None:
    """Note in the store that a hunt has returned a table, and say in one sentence which of its trials were
    added after a look at others."""
    if _nobody_looks.get():
        return
    added = in_words(store.look(setting, extent.trials, extent.levels), extent)
    if added:
        notice(f"{setting.task}: {added}: say so where you report them.")


def in_words(looks: list[dict], extent: Extent) -> str:
    """Which trials of a table that is carried to this extent were added after which had been looked at; empty
    where none were. `looks` are in their order, each with trials and levels. A look at dense networks alone
    (level 0) is none at tickets."""
    counts: list[int] = []  # how many trials had been seen, after each look that showed more
    for look in looks:
        if (look["levels"] or not extent.levels) and look["trials"] > max(counts, default=0):
            counts.append(look["trials"])
    counts = [*(count for count in counts if count < extent.trials), extent.trials]
    parts = [(_trials(before, after), _trials(0, before)) for before, after in zip(counts, counts[1:])]
    if not parts:
        return ""
    (added, seen), *later = parts
    verb = "was" if added.startswith("trial ") else "were"
    had = "had been looked at"
    return ", ".join([f"{added} {verb} added after {seen} {had}", *(f"{added} after {seen}" for added, seen in later)])


def _trials(first: int, end: int) -> str:
    """The trials from `first` to `end` - 1: "trial 3", "trials 3 and 4", "trials 0 to 2"."""
    last = end - 1
    if first == last:
        return f"trial {first}"
    return f"trials {first} and {last}" if last == first + 1 else f"trials {first} to {last}"
