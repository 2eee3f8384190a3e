"""What a ticket has cost: optimiser steps spent until it is trained, the search for it included."""

from lthlib.core.errors import LotteryError
from lthlib.pruning import registry
from lthlib.settings import AT_ONCE, Setting


def iterations_spent(setting: Setting, level: int, source: Setting | None = None) -> int:
    """Optimiser steps behind the trained ticket of a level in one trial: `search_spent` and its own training.

    `source` is the setting that schedule "transferred" takes its masks from. Raises LotteryError where that is not given.
    """
    if level == 0:
        return setting.recipe.iterations
    own = setting.recipe.iterations - setting.rewind
    if setting.schedule == "transferred":
        if source is None:
            raise LotteryError(f"the masks come from {setting.source!r}: give that setting as source, since its search counts.")
        return search_spent(source, level) + setting.rewind + own
    return search_spent(setting, level) + own


def search_spent(setting: Setting, level: int) -> int:
    """Optimiser steps spent before the mask of a level is there, and theta_k with it.

    Scoring counts where it runs the network: one step for each time (a criterion of several rounds, in each). A ticket that
    starts from theta_k needs k steps of the dense network first, which every schedule but "untrained" takes anyway: Frankle et
    al. (2020), arXiv 1912.05671, count so, too.
    """
    full, rest = setting.recipe.iterations, setting.recipe.iterations - setting.rewind
    trainings = {"oneshot": full, "untrained": setting.rewind}.get(setting.schedule, full + (level - 1) * rest)
    return trainings + (1 if setting.schedule in AT_ONCE else level) * scoring_steps(setting)


def scoring_steps(setting: Setting) -> int:
    """How often a prune step runs the network: not at all for a criterion that looks at weights alone."""
    criterion = registry.find(setting.score)
    if criterion is None or "network" not in registry.asked(criterion):
        return 0
    return criterion.rounds if setting.structure == "weights" else 1  # groups and units go in one step
