"""What a hunt skips, trial by trial: what would be pruned from a network whose training diverged, and
levels whose round removes nothing. Both are read off the store, so that a hunt which is resumed sets aside
the same."""

import math
from typing import TYPE_CHECKING

import pandas as pd

from lthlib.core.progress import notice
from lthlib.core.spans import spans
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask
from lthlib.settings import AT_ONCE, Setting
from lthlib.storage.store import TICKET, Key, Store

if TYPE_CHECKING:
    from lthlib.lottery.search import Hunt

NAMED = 5  # of the networks that diverged; the others are counted


def has_diverged(store: Store, setting: Setting, key: Key) -> bool:
    """Whether a stored network's training ended in a validation loss that is NaN or infinite, which the
    engine also notes where weights are (see `engine.Trained`). False where the network is not stored."""
    content = store.describe(setting, key)
    if content is None:
        return False
    history = content["history"]
    return not math.isfinite([loss for loss, split in zip(history["loss"], history["split"]) if split == "validation"][-1])


class Skipped:
    """What a hunt over these levels skips."""

    def __init__(self, search: "Hunt", levels: list[int]):
        self.search, self.levels = search, levels
        self.unchanged: dict[int, list[int]] = {}  # trials by level whose round removed nothing

    def going_on(self, keys: list[Key]) -> set[int]:
        """Trials of these networks, of one level, for which there is something sound to prune."""
        return {key.trial for key in keys if self._goes_on(key.trial, key.level)}

    def changed(self, mask_of: dict[int, Mask], level: int) -> dict[int, Mask]:
        """Of the masks of a level, by trial, those with fewer weights than the trial's level before."""
        same = [trial for trial, mask in mask_of.items() if self._density_before(trial, level) == masks.density(mask)]
        if same:
            self.unchanged.setdefault(level, []).extend(same)
        return {trial: mask for trial, mask in mask_of.items() if trial not in same}

    def say(self, table: pd.DataFrame) -> None:
        """A sentence for what diverged, in the table of the hunt, and one for rounds that removed nothing."""
        setting = self.search.setting
        diverged = _diverged(table, setting.schedule)
        if diverged:
            more = f" and {len(diverged) - NAMED} more" if len(diverged) > NAMED else ""
            notice(
                f"{setting.task}: training diverged (NaN or infinity in losses or weights) for "
                f"{', '.join(diverged[:NAMED])}{more}: set aside, with what would be pruned from that, while the "
                f"others go on; the likely fix is a learning_rate below {setting.recipe.learning_rate:g}."
            )
        if not self.unchanged:
            return
        why = f"no layer has enough weights left for rate {setting.rate:g}, or none may be pruned"
        if self._are_independent():
            levels = spans(sorted(self.unchanged))
            notice(f"{setting.task}: {levels} would have as many weights as the level before ({why}): left out.")
        else:
            level = min(self.unchanged)
            trials = self.unchanged[level]
            of = "" if len(trials) == table.trial.nunique() else f" of trial {', '.join(map(str, sorted(trials)))}"
            notice(
                f"{setting.task}: the round to level {level}{of} removes nothing ({why}): the hunt{of} ends at "
                f"level {level - 1}, since later levels would train the same network again."
            )

    def _are_independent(self) -> bool:
        """Whether levels do not build on one another."""
        return self.search.setting.schedule in (*AT_ONCE, "transferred")

    def _goes_on(self, trial: int, level: int) -> bool:
        if level == 0:
            return True
        search, source = self.search, Key(TICKET, trial, self.search.source_of(level))
        if not search.store.has(search.setting, source) or has_diverged(search.store, search.setting, source):
            return False
        origin = search.setting.source
        return not origin or search.store.has(search.store.find(origin), Key(TICKET, trial, level))

    def _density_before(self, trial: int, level: int) -> float | None:
        """Of the nearest level above that the trial has, from 0 to 1; None at level 0."""
        for before in sorted((at for at in self.levels if at < level), reverse=True):
            content = self.search.store.describe(self.search.setting, Key(TICKET, trial, before))
            if content is not None:
                return content["density"]
        return None


def _diverged(table: pd.DataFrame, schedule: str) -> list[str]:
    """Every network of a hunt's table that diverged, in words."""
    words, validation = [], table.loc[table["split"] == "validation"]
    for network, losses in validation.groupby(["method", "trial", "redraw", "level"], sort=False)["loss"]:
        if not math.isfinite(losses.iloc[-1]):
            method, trial, redraw, level = network
            name = TICKET if method == schedule else f"{method} (redraw {redraw})" if redraw else method
            words.append(f"{name} of trial {trial} at level {level}")
    return words
