"""What `hunt` tells a function of the caller's about each network as soon as it is trained and stored."""

from collections.abc import Callable

from lthlib.core.errors import LotteryError, blamed
from lthlib.settings import Setting
from lthlib.storage.networks import summarise
from lthlib.storage.store import Key, Store


def checked(on_network: Callable[[dict], object] | None) -> Callable[[Store, Setting, Key], None]:
    """A function that hands a stored network on to `on_network`, or does nothing where that is None. Raises
    LotteryError for what cannot be called."""
    if on_network is not None and not callable(on_network):
        raise LotteryError(f"on_network is {on_network!r}: give a function that takes one dictionary, such as print.")

    def hand_on(store: Store, setting: Setting, key: Key) -> None:
        if on_network is not None:
            finished = network(store, setting, key)
            failed = f"on_network failed for {finished['method']} of trial {key.trial} at level {key.level}"
            with blamed(failed, "mend it; what was trained is stored, and the same hunt goes on from there"):
                on_network(finished)

    return hand_on


def network(store: Store, setting: Setting, key: Key) -> dict:
    """What `summarise` says of a stored network, by name, and its `curve`: the iteration, loss and accuracy
    of each measurement on validation data, in their order."""
    rows = store.rows(setting, key)
    [said] = summarise(rows).to_dict("records")
    curve = rows.loc[rows["split"] == "validation", ["iteration", "loss", "accuracy"]]
    return {**said, "curve": curve.sort_values("iteration").to_dict("records")}
