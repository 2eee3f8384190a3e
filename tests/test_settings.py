import dataclasses

import numpy as np
import pytest
from torch import nn

import lthlib
from lthlib import settings
from lthlib.errors import LotteryError
from lthlib.settings import Extent, Recipe, Setting, Task


@pytest.mark.parametrize("task", settings.TASKS)
@pytest.mark.parametrize("profile", settings.PROFILE_NAMES)
def test_every_profile_resolves(task, profile):
    setting, extent = settings.resolve(settings.TASKS[task], profile)
    assert setting.task == task and extent.trials >= 2


def test_paper_profile_is_the_papers():
    setting, extent = settings.resolve(settings.TASKS["lenet-mnist"], "paper")
    recipe = setting.recipe
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size, recipe.iterations) == ("adam", 1.2e-3, 60, 50_000)
    assert (recipe.evaluate_every, setting.rate, extent.trials, extent.redraws) == (100, 0.2, 5, 3)


def test_chosen_fields_replace_the_profiles():
    setting, extent = settings.resolve(settings.TASKS["lenet-digits"], "smoke", iterations=7, levels=2, rate=0.5, learning_rate=1)
    assert (setting.recipe.iterations, extent.levels, setting.rate) == (7, 2, 0.5)
    assert (
        setting.identity()
        == dataclasses.replace(setting, recipe=dataclasses.replace(setting.recipe, learning_rate=1.0)).identity()
    )


def test_identity_ignores_defaults_and_sees_every_field():
    base = Setting("lenet-digits", Recipe(iterations=500))
    assert base.changes() == {"task": "lenet-digits", "recipe": {"iterations": 500}}
    others = [
        *(
            dataclasses.replace(base, **change)
            for change in (
                {"task": "lenet-mnist"},
                {"schedule": "oneshot"},
                {"rate": 0.3},
                {"scope": "global"},
                {"score": "random"},
                {"rewind": 5},
                {"seed": 1},
                {"fingerprint": "f"},
            )  # fmt: skip
        ),
        *(
            dataclasses.replace(base, recipe=dataclasses.replace(base.recipe, **change))
            for change in (
                {"optimizer": "sgd"},
                {"learning_rate": 0.1},
                {"momentum": 0.9},
                {"weight_decay": 1e-4},
                {"batch_size": 64},
                {"iterations": 501},
                {"evaluate_every": 50},
            )  # fmt: skip
        ),
    ]
    assert len({setting.identity() for setting in [base, *others]}) == len(others) + 1


def test_level_0_depends_on_nothing_about_pruning():
    base = Setting("lenet-digits", seed=3, rewind=10)
    pruned = dataclasses.replace(base, rate=0.5, scope="global", score="random", schedule="oneshot")
    assert pruned.dense() == base


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"rate": 1.7}, "rate is 1.7"),
        ({"rate": 0}, "rate is 0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"rate": "0.2"}, "rate is '0.2'"),
        ({"levels": -1}, "levels is -1"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": 2.5}, "trials is 2.5"),
        ({"redraws": 0}, "redraws is 0"),
        ({"iterations": 0}, "iterations is 0"),
        ({"rewind": 80}, "past the end.*0 to 79"),
        ({"rewind": -1}, "rewind is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"scope": "locl"}, "unknown scope 'locl'"),
        ({"score": "magnitud"}, "did you mean 'magnitude'"),
        ({"schedule": "one-shot"}, "did you mean 'oneshot'"),
        ({"optimizer": "adamw"}, "did you mean 'adam'"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"momentum": 1}, "momentum is 1"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"itertions": 5}, "did you mean 'iterations'"),
    ],
)
def test_bad_values_get_one_sentence(chosen, says):
    with pytest.raises(LotteryError, match=says):
        settings.resolve(settings.TASKS["lenet-digits"], "smoke", **chosen)


def test_bad_tasks_profiles_and_controls(blobs):
    for task, says in [
        ("lenet-digts", "did you mean 'lenet-digits'"),
        (5, "task is 5"),
        (Task("lenet-mnist", blobs, lambda _: nn.Linear(6, 3)), "belongs to lthlib"),
        (Task("../up", blobs, lambda _: nn.Linear(6, 3)), "small letters"),
    ]:
        with pytest.raises(LotteryError, match=says):
            settings.find_task(task)
    with pytest.raises(LotteryError, match="unknown profile 'fast'"):
        settings.resolve(settings.TASKS["lenet-digits"], "fast")
    with pytest.raises(LotteryError, match="did you mean 'reinit'"):
        settings.check_controls("dense,rienit")
    assert settings.check_controls(" reinit, dense,reinit ") == ("reinit", "dense")


def test_a_model_must_be_built_anew(blobs):
    for model in (nn.Linear(6, 3), lambda _: "net"):
        with pytest.raises(LotteryError, match="blobs-wrong"):
            Task("blobs-wrong", blobs, model).build()


def test_fingerprint_of_own_tasks_sees_network_and_data(blobs, own_task):
    wider = Task(own_task.name, blobs, lambda _: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)))
    other_data = lthlib.data.from_arrays(
        "blobs", blobs.train.inputs + 1, blobs.train.targets, blobs.test.inputs, blobs.test.targets
    )
    other = Task(own_task.name, other_data, own_task.model)
    zeros = Task(own_task.name, blobs, lambda data: own_task.model(data).apply(_zero))
    assert len({task.fingerprint() for task in (own_task, wider, other, zeros)}) == 4
    assert own_task.fingerprint() == own_task.fingerprint()
    assert settings.TASKS["lenet-digits"].fingerprint() == ""


def _zero(module):
    for parameter in module.parameters(recurse=False):
        nn.init.zeros_(parameter)


def test_identities_of_stored_results_stay():
    """A new field must have a neutral default: then these stay as they are, and an older store is still read."""
    assert Setting("lenet-digits").identity() == "491f50948e0a"
    assert Setting("lenet-mnist", Recipe(iterations=3000), rate=0.3, scope="global").identity() == "b012b7d6489b"


def test_seeds_are_apart_and_fixed():
    seeds = [settings.seed_for(0, "order", trial, level) for trial in range(20) for level in range(20)]
    assert len(set(seeds)) == 400 and 0 <= min(seeds) and max(seeds) < 2**63
    assert settings.seed_for(0, "weights", 0) == 664910812957149500, "changing this makes every stored result irreproducible"


def test_extent_refuses_numbers_that_are_no_counts():
    with pytest.raises(LotteryError):
        Extent(levels=np.float64(2.0), trials=1)
