"""In which batches the networks of a hunt are trained: a network after those it is made from, and no worker idle.

Trained level by level, three trials would leave one of two workers without work in the second half of every level. But
the next level of a trial needs nothing from other trials. So a batch may reach into the next level.
"""

from collections.abc import Iterable

from lthlib.storage.store import TICKET, Key


def batches(keys: Iterable[Key], workers: int = 1) -> list[list[Key]]:
    """Networks in batches that are trained one after the other, tickets of low levels first.

    A batch has as many networks as can be trained by then, less those that would leave some of `workers` idle: they
    wait for the next batch, unless they are all there is. A network can be trained when the tickets of its
    trial at lower levels, as far as they are among `keys`, are in earlier batches. Level 0 is a batch by itself,
    since it is trained in another way than later ones (see `Hunt.train`); its forks start from theta_k of the dense
    networks, so they are a batch after it.
    """
    in_order = sorted(keys, key=lambda key: key.level)  # a stable sort: tickets stay before controls
    dense = [key for key in in_order if key.level == 0 and key.method != "fork"]
    forks = [key for key in in_order if key.level == 0 and key.method == "fork"]
    planned = [batch for batch in (dense, forks) if batch]
    waiting = [key for key in in_order if key.level > 0]
    while waiting:
        ready = _ready(waiting)
        count = len(ready) - len(ready) % workers or len(ready)
        planned.append(ready[:count])
        chosen = set(ready[:count])
        waiting = [key for key in waiting if key not in chosen]
    return planned


def by_level(keys: Iterable[Key]) -> dict[int, list[Key]]:
    """Networks by their level, lowest first."""
    found: dict[int, list[Key]] = {}
    for key in sorted(keys, key=lambda key: key.level):
        found.setdefault(key.level, []).append(key)
    return found


def _ready(waiting: list[Key]) -> list[Key]:
    """Of networks in the order of level, those that no ticket at a lower level of their trial waits before."""
    lowest: dict[int, int] = {}  # by trial, the lowest level whose ticket is waiting
    for key in waiting:
        if key.method == TICKET:
            lowest.setdefault(key.trial, key.level)
    return [key for key in waiting if key.level <= lowest.get(key.trial, key.level)]
