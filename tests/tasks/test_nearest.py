"""The profile that a setting comes from, and what it changes of it, in words."""

import dataclasses

import pytest

from lthlib.settings import Recipe, Setting
from lthlib.tasks import PROFILE_NAMES, TASKS, in_words, nearest_profile, resolve


def near(task, profile, **chosen):
    return nearest_profile(resolve(TASKS[task], profile, **chosen)[0])


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_a_profile_is_recognised_in_every_task_whatever_the_seed(profile):
    alike = ("gcn-sbm", "gcn-cora")  # of which quick and paper differ in extent alone
    for task in TASKS:
        expected = "quick" if task in alike and profile == "paper" else profile
        assert near(task, profile) == near(task, profile, seed=3) == (expected, ""), task


@pytest.mark.parametrize(
    ("chosen", "changes"),
    [
        ({"learning_rate": 0.01}, "learning_rate=0.01"),
        ({"learning_rate": 0.03, "warmup": 20_000}, "learning_rate=0.03, warmup=20000"),
        ({"milestones": (20_000,)}, "milestones=[20000]"),
        ({"augment": False, "schedule": "oneshot", "rate": 0.5}, "augment=False, schedule=oneshot, rate=0.5"),
        ({"rewind": 1000, "scope": "layer", "score": "random"}, "scope=layer, score=random, rewind=1000"),
    ],
)
def test_changes_are_against_the_tasks_own_profile(chosen, changes):
    assert near("resnet20-cifar10", "paper", **chosen) == ("paper", changes)


def test_of_profiles_as_near_it_is_that_of_the_most_similar_length():
    for iterations, profile in ((60, "smoke"), (1400, "quick"), (30_000, "paper")):
        assert near("lenet-digits", "quick", iterations=iterations, evaluate_every=7) == (
            profile,
            f"iterations={iterations}, evaluate_every=7",
        )


def test_a_task_of_your_own_is_held_against_the_profiles_it_is_given(own_task):
    setting, _ = resolve(own_task, "smoke", learning_rate=0.5)
    assert setting.fingerprint and nearest_profile(setting) == ("smoke", "learning_rate=0.5")


def test_an_unknown_task_has_no_profile():
    setting = Setting("conv9-somewhere", Recipe(iterations=10))
    assert nearest_profile(setting) == ("", "")
    assert in_words(setting) == "profile unknown; seed 0, schedule iterative, rate 0.2, scope layer, score magnitude"


def test_a_setting_in_one_line():
    setting, _ = resolve(TASKS["lenet-digits"], "quick", warmup=100, seed=4)
    assert in_words(setting).startswith("profile quick with warmup=100; seed 4, schedule iterative, rate 0.2")
    assert in_words(dataclasses.replace(setting, recipe=dataclasses.replace(setting.recipe, warmup=0))).startswith(
        "profile quick; "
    )
