"""Which profile of its task a setting comes from, as far as its fields tell, and what it changes of it."""

import dataclasses
import math

from lthlib.settings import Recipe, Setting
from lthlib.tasks.profiles import OWN, PROFILE_NAMES, PROFILES, Profile

DEFAULT_FIRST = ("quick", *(name for name in PROFILE_NAMES if name != "quick"))  # of two that are as near
NO_CHOICE = ("task", "recipe", "seed", "fingerprint", "score_code", "group_axis")  # no profile has a say in these


def nearest_profile(setting: Setting) -> tuple[str, str]:
    """The profile whose recipe and pruning a setting has, and "", or else the one that it differs from in the
    fewest fields (of several, the one of the most similar number of iterations), and these in words, such as
    "learning_rate=0.01, warmup=10000". The seed is no difference.

    A task of your own is held against the profiles that `hunt` gives to such tasks. Two empty texts where the
    task is not known to this lthlib.
    """
    profiles = OWN if setting.fingerprint else PROFILES.get(setting.task)
    if profiles is None:
        return "", ""

    def distance(name: str) -> tuple[int, float]:
        iterations = profiles[name].recipe.iterations
        return len(_changes(setting, profiles[name])), abs(math.log(setting.recipe.iterations / iterations))

    nearest = min(DEFAULT_FIRST, key=distance)
    changes = _changes(setting, profiles[nearest])
    return nearest, ", ".join(f"{name}={_written(value)}" for name, value in changes.items())


def in_words(setting: Setting) -> str:
    """What a setting is, in one line: "profile quick with warmup=100; seed 0, schedule iterative, ..."."""
    profile, changes = nearest_profile(setting)
    origin = f"profile {profile}" + (f" with {changes}" if changes else "") if profile else "profile unknown"
    fields = ("seed", "schedule", "rate", "scope", "score")
    return f"{origin}; {', '.join(f'{name} {_written(getattr(setting, name))}' for name in fields)}"


def _changes(setting: Setting, profile: Profile) -> dict:
    """The fields of recipe and pruning in which a setting differs from a profile, with the setting's values."""
    usual = Setting(setting.task, profile.recipe, rate=profile.rate, scope=profile.scope)
    pairs = [(Recipe, setting.recipe, usual.recipe), (Setting, setting, usual)]
    return {
        field.name: getattr(chosen, field.name)
        for kind, chosen, other in pairs
        for field in dataclasses.fields(kind)
        if field.name not in NO_CHOICE and getattr(chosen, field.name) != getattr(other, field.name)
    }


def _written(value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
