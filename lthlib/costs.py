"""What a ticket has cost: optimiser steps spent until it is trained, the search for it included."""

from lthlib import scores
from lthlib.settings import AT_ONCE, Setting


def iterations_spent(setting: Setting, level: int) -> int:
    """Optimiser steps behind the trained ticket of a level, with those of all networks it was found with, for one trial.

    Scoring counts as well where it runs the network: one step for each time (a criterion of several rounds, in each).
    A ticket that starts from theta_k needs k steps of the dense network first, which every schedule but "untrained" takes
    anyway: Frankle et al. (2020), arXiv 1912.05671, count so, too.
    """
    full, rest = setting.recipe.iterations, setting.recipe.iterations - setting.rewind
    if level == 0:
        return full
    trainings = {"oneshot": full + rest, "untrained": setting.rewind + rest}.get(setting.schedule, full + level * rest)
    prunings = 1 if setting.schedule in AT_ONCE else level
    return trainings + prunings * scoring_steps(setting)


def scoring_steps(setting: Setting) -> int:
    """How often a prune step runs the network: not at all for a criterion that looks at weights alone."""
    criterion = scores.find(setting.score)
    return criterion.rounds if criterion is not None and "network" in scores.asked(criterion) else 0
