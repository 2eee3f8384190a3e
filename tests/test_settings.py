import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import lthlib
from lthlib import tasks
from lthlib.core import seeds as seeds_module
from lthlib.core.errors import LotteryError
from lthlib.lottery.controls import check_controls
from lthlib.settings import Extent, Recipe, Setting
from lthlib.tasks import Task


@pytest.mark.parametrize("task", tasks.TASKS)
@pytest.mark.parametrize("profile", tasks.PROFILE_NAMES)
def test_every_profile_resolves(task, profile):
    setting, extent = tasks.resolve(tasks.TASKS[task], profile)
    assert setting.task == task and extent.trials >= 2


def test_paper_profile_is_the_papers():
    setting, extent = tasks.resolve(tasks.TASKS["lenet-mnist"], "paper")
    recipe = setting.recipe
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size, recipe.iterations) == ("adam", 1.2e-3, 60, 50_000)
    assert (recipe.evaluate_every, setting.rate, extent.trials, extent.redraws) == (100, 0.2, 5, 3)


def test_chosen_fields_replace_the_profiles():
    setting, extent = tasks.resolve(tasks.TASKS["lenet-digits"], "smoke", iterations=7, levels=2, rate=0.5, learning_rate=1)
    assert (setting.recipe.iterations, extent.levels, setting.rate) == (7, 2, 0.5)
    assert (
        setting.identity()
        == dataclasses.replace(setting, recipe=dataclasses.replace(setting.recipe, learning_rate=1.0)).identity()
    )


def test_identity_ignores_defaults_and_sees_every_field():
    base = Setting("lenet-digits", Recipe("sgd", iterations=500))
    assert base.changes() == {"task": "lenet-digits", "recipe": {"optimizer": "sgd", "iterations": 500}}
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
            )
        ),
        *(
            dataclasses.replace(base, recipe=dataclasses.replace(base.recipe, **change))
            for change in (
                {"optimizer": "adam"},
                {"learning_rate": 0.1},
                {"momentum": 0.9},
                {"weight_decay": 1e-4},
                {"batch_size": 64},
                {"iterations": 501},
                {"evaluate_every": 50},
            )
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
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"momentum": 1, "optimizer": "sgd"}, "momentum is 1"),
        ({"momentum": 0.9}, "adam does not take"),
        ({"recipe": Recipe()}, "unknown setting 'recipe'"),
        ({"fingerprint": "f"}, "unknown setting 'fingerprint'"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"itertions": 5}, "did you mean 'iterations'"),
    ],
)
def test_bad_values_get_one_sentence(chosen, says):
    with pytest.raises(LotteryError, match=says):
        tasks.resolve(tasks.TASKS["lenet-digits"], "smoke", **chosen)


def test_bad_tasks_profiles_and_controls(blobs):
    for task, says in [
        ("lenet-digts", "did you mean 'lenet-digits'"),
        (5, "task is of type int"),
        (Task("lenet-mnist", blobs, lambda _: nn.Linear(6, 3)), "belongs to lthlib"),
        (Task("../up", blobs, lambda _: nn.Linear(6, 3)), "small letters"),
    ]:
        with pytest.raises(LotteryError, match=says):
            tasks.find_task(task)
    with pytest.raises(LotteryError, match="unknown profile 'fast'"):
        tasks.resolve(tasks.TASKS["lenet-digits"], "fast")
    with pytest.raises(LotteryError, match="did you mean 'reinit'"):
        check_controls("dense,rienit")
    assert check_controls(" reinit, dense,reinit ") == ("reinit", "dense")


def test_a_model_must_be_built_anew(blobs):
    for model in (nn.Linear(6, 3), lambda _: "net"):
        with pytest.raises(LotteryError, match="blobs-wrong"):
            Task("blobs-wrong", blobs, model).build()


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda _: nn.Linear(5, 3), r"cannot take train inputs of shape \[2, 6\]"),
        (lambda _: nn.Linear(6, 2), r"gives \[2, 2\] for 2 train examples.*labels name 3 \(0 to 2\)"),
        (lambda _: nn.GRU(6, 3), "gives tuple"),
        (lambda: nn.Linear(6, 3), "lambda data: Net"),
        (nn.Linear, "lambda data: Net"),
    ],
)
def test_a_network_that_does_not_fit_its_data_is_told_so_before_training(blobs, build, says, tmp_path):
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(Task("blobs-odd", blobs, build), results=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()


SGD = {"optimizer": "sgd", "momentum": 0.9}


@pytest.mark.parametrize(
    ("field", "given", "plain"),
    [
        ("rate", np.float32(0.3), 0.3),
        ("rate", np.float16(0.3), 0.3),
        ("rate", np.array(0.3), 0.3),
        ("rate", torch.tensor(0.3), 0.3),
        ("rate", torch.tensor(0.3, dtype=torch.float16), 0.3),
        ("momentum", np.float32(0.7), 0.7),
        ("learning_rate", np.int64(1), 1),
        ("levels", np.int64(3), 3),
        ("trials", np.uint8(3), 3),
        ("seed", torch.tensor(5), 5),
        ("schedule", np.str_("oneshot"), "oneshot"),
        ("score", np.array("random"), "random"),
        ("milestones", np.array([10, 20]), (10, 20)),
        ("milestones", [np.int64(20), 10], (10, 20)),
        ("milestones", torch.tensor([10, 20]), (10, 20)),
        ("milestones", pd.Series([10, 20]), (10, 20)),
        ("milestones", range(10, 21, 10), (10, 20)),
        ("milestones", (10 * i for i in (1, 2)), (10, 20)),
    ],
)
def test_values_of_numpy_torch_and_pandas_name_the_setting_of_plain_ones(field, given, plain):
    digits = tasks.TASKS["lenet-digits"]
    setting, extent = tasks.resolve(digits, "smoke", **{**SGD, field: given})
    usual, far = tasks.resolve(digits, "smoke", **{**SGD, field: plain})
    assert (setting, extent) == (usual, far) and setting.identity() == usual.identity()


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("rate", np.array([0.2, 0.3]), r"rate is \[0.2, 0.3\]: give a share"),
        ("levels", np.array([1, 2]), r"levels is \[1, 2\]: give a whole number"),
        ("levels", np.float64(2.5), "levels is 2.5"),
        ("milestones", np.array([1.5]), "a milestone is 1.5"),
        ("milestones", "20,30", "give iterations in a list"),
        ("milestones", 20, "give iterations in a list"),
        ("seed", np.bool_(True), "seed is True"),
    ],
)
def test_arrays_where_one_number_belongs_are_one_sentence(field, given, says):
    with pytest.raises(LotteryError, match=says):
        tasks.resolve(tasks.TASKS["lenet-digits"], "smoke", **{field: given})


@pytest.mark.parametrize(
    "controls",
    [np.array(["reinit", "dense"]), pd.Series(["reinit", "dense"]), {"reinit": 1, "dense": 2}.keys(), np.array("reinit,dense")],
)
def test_controls_in_whatever_holds_names(controls):
    assert check_controls(controls) == ("reinit", "dense")


def test_a_hunt_reads_a_generator_of_controls_once(own_task):
    short = {"trials": 1, "iterations": 2, "progress": False, "schedule": "oneshot", "levels": np.int64(2)}
    table = lthlib.hunt(own_task, controls=(name for name in ("reinit", "dense")), only=np.int64(2), workers=np.int64(1), **short)
    assert set(table.method) == {"oneshot", "reinit", "dense"} and set(table.level) == {0, 2}


def test_data_and_controls_of_another_type(blobs):
    with pytest.raises(LotteryError, match="from_arrays"):
        Task("blobs-pair", (1, 2), lambda _: nn.Linear(6, 3)).build()
    for controls in (True, 5):
        with pytest.raises(LotteryError, match="in a list"):
            check_controls(controls)
    assert check_controls(None) == ()


def test_fingerprint_of_own_tasks_sees_network_and_data(blobs, own_task):
    wider = Task(own_task.name, blobs, lambda _: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)))
    other_data = lthlib.data.from_arrays(
        "blobs", blobs.train.inputs + 1, blobs.train.targets, blobs.test.inputs, blobs.test.targets
    )
    other = Task(own_task.name, other_data, own_task.model)
    zeros = Task(own_task.name, blobs, lambda data: own_task.model(data).apply(_zero))
    assert len({task.fingerprint() for task in (own_task, wider, other, zeros)}) == 4
    assert own_task.fingerprint() == own_task.fingerprint()
    assert tasks.resolve(tasks.TASKS["lenet-digits"])[0].fingerprint == "", "known by its name"


def test_fingerprint_sees_the_code_of_inner_modules_and_plain_attributes(blobs):
    class Inner(nn.Linear):
        def __init__(self, scale):
            super().__init__(6, 3)
            self.scale = scale

        def forward(self, x):
            return self.scale * super().forward(x)

    class Other(Inner):
        def forward(self, x):
            return self.scale + nn.Linear.forward(self, x)

    Other.__name__ = Other.__qualname__ = "Inner"
    builders = [lambda _: nn.Sequential(Inner(1.0)), lambda _: nn.Sequential(Inner(2.0)), lambda _: nn.Sequential(Other(1.0))]
    assert len({Task("blobs-inner", blobs, build).fingerprint() for build in builders}) == 3


def test_networks_that_cannot_be_hunted(blobs):
    with pytest.raises(LotteryError, match="lazy layers"):
        Task("blobs-lazy", blobs, lambda _: nn.LazyLinear(3)).build()
    normed = torch.nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))
    with pytest.raises(LotteryError, match="parametris"):
        lthlib.models.prunable(normed)


def _zero(module):
    for parameter in module.parameters(recurse=False):
        nn.init.zeros_(parameter)


def test_identities_of_stored_results_stay():
    """A new field must have a neutral default: then these stay as they are, and an older store is still read."""
    assert Setting("lenet-digits").identity() == "491f50948e0a"
    assert Setting("lenet-mnist", Recipe(iterations=3000), rate=0.3, scope="global").identity() == "b012b7d6489b"


def test_seeds_are_apart_and_fixed():
    seeds = [seeds_module.seed_for(0, "order", trial, level) for trial in range(20) for level in range(20)]
    assert len(set(seeds)) == 400 and min(seeds) >= 0 and max(seeds) < 2**63
    assert seeds_module.seed_for(0, "weights", 0) == 664910812957149500, "changing this makes every stored result irreproducible"


def test_extent_refuses_numbers_that_are_no_counts():
    with pytest.raises(LotteryError):
        Extent(levels=np.float64(2.0), trials=1)
