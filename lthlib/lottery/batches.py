"""In which batches the networks of a hunt are trained: a network after those it is made from, and no worker
idle.

Trained level by level, three trials would leave one of two workers without work in the second half of every
level. But the next level of a trial needs nothing from other trials. So a batch may reach into the next
level.
"""

from collections.abc import Iterable

from lthlib.storage.store import TICKET, Key


def batches(keys: Iterable[Key], workers: int = 1, dense_apart: bool = False) -> list[list[Key]]:
    """Networks in batches that are trained one after the other, tickets of low levels first.

    A batch has as many networks as can be trained by then, less those that would leave some of `workers`
    idle: they wait for the next batch, unless they are all there is. A network can be trained when the
    tickets of its trial at lower levels, as far as they are among `keys`, are in earlier batches; a fork of
    level 0 starts from theta_k of its dense network, and forks are a batch by themselves. `dense_apart`
    keeps level 0 apart too, for schedules that train it in another way.
    """
    waiting = sorted(keys, key=lambda key: key.level)  # a stable sort: tickets stay before controls
    forks = [key for key in waiting if _is_dense_fork(key)]
    dense = [key for key in waiting if key.level == 0 and not _is_dense_fork(key)]
    planned = []
    if dense and (forks or dense_apart):
        planned.append(dense)
    if forks:
        planned.append(forks)
    waiting = _without(waiting, planned)
    while waiting:
        ready = _ready(waiting)
        count = len(ready) - len(ready) % workers or len(ready)
        planned.append(ready[:count])
        waiting = _without(waiting, planned[-1:])
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


def _without(keys: list[Key], planned: list[list[Key]]) -> list[Key]:
    """The keys that are in none of these batches."""
    chosen = {key for batch in planned for key in batch}
    return [key for key in keys if key not in chosen]


def _is_dense_fork(key: Key) -> bool:
    return key.level == 0 and key.method == "fork"
