"""Schedules, optimisers, clipping and label smoothing against torch's own, alone and stacked; how they are chosen."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

import lthlib
from lthlib import data, models, tasks
from lthlib.__main__ import main
from lthlib.core.errors import LotteryError
from lthlib.lottery import early_bird
from lthlib.pruning import masks, registry
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import Store
from lthlib.sweeps import config
from lthlib.training import engine
from lthlib.training.engine import Ticket
from lthlib.training.randomness import batch_order
from lthlib.training.stack import Stack

BRIEF = {"iterations": 30, "batch_size": 16, "evaluate_every": 10}
SHORT = {**BRIEF, "levels": 1, "trials": 1, "device": "cpu", "progress": False}
RECIPES = {
    "adamw, clipped, warmup and cosine": Recipe(
        "adamw", 0.02, weight_decay=0.1, gradient_clip=0.5, warmup=5, learning_rate_schedule="cosine", **BRIEF
    ),
    "sgd, clipped, one-cycle, smoothed": Recipe(
        "sgd", 0.2, momentum=0.9, gradient_clip=0.5, learning_rate_schedule="one_cycle", label_smoothing=0.2, **BRIEF
    ),
    "adam, L2": Recipe("adam", 0.02, weight_decay=0.1, gradient_clip=0.5, **BRIEF),
}


def torchs_rates(make, iterations, rate=0.3):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], rate)
    schedule, rates = make(optimizer), []
    for _ in range(iterations):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def our_rates(iterations, **chosen):
    recipe = Recipe(learning_rate=0.3, iterations=iterations, **chosen)
    return [recipe.learning_rate_at(iteration) for iteration in range(iterations)]


@pytest.mark.parametrize("iterations", [1, 2, 3, 7, 100])
def test_cosine_is_torchs(iterations):
    theirs = torchs_rates(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, iterations), iterations)
    assert our_rates(iterations, learning_rate_schedule="cosine") == pytest.approx(theirs, rel=1e-8)


@pytest.mark.parametrize("iterations", [1, 2, 3, 7, 100])
def test_one_cycle_is_torchs(iterations):
    make = lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.3, iterations, cycle_momentum=False)  # noqa: E731
    assert our_rates(iterations, learning_rate_schedule="one_cycle") == pytest.approx(torchs_rates(make, iterations), rel=1e-8)


def test_cosine_after_a_warmup_is_torchs_linear_and_then_cosine():
    def make(optimizer):
        parts = [lr_scheduler.LinearLR(optimizer, 1 / 4, total_iters=3), lr_scheduler.CosineAnnealingLR(optimizer, 16)]
        return lr_scheduler.SequentialLR(optimizer, parts, milestones=[4])

    assert our_rates(20, learning_rate_schedule="cosine", warmup=4) == pytest.approx(torchs_rates(make, 20), rel=1e-8)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"learning_rate_schedule": "cosin"}, "unknown learning_rate_schedule 'cosin': did you mean 'cosine'"),
        ({"learning_rate_schedule": "cosine", "milestones": (5,)}, r"milestones is \[5\], which schedule 'cosine' does not take"),
        ({"learning_rate_schedule": "one_cycle", "milestones": (5,)}, "'one_cycle' does not take: leave milestones out"),
        ({"learning_rate_schedule": "one_cycle", "warmup": 5}, "warmup is 5, but 'one_cycle' has a rise of its own"),
        ({"learning_rate_schedule": "cosine", "warmup": 9, "iterations": 9}, "warmup is 9, and 'cosine' .* from 0 to 8"),
        ({"optimizer": "adamw", "momentum": 0.9}, "momentum is 0.9, which adamw does not take: choose optimizer 'sgd'"),
        ({"gradient_clip": -1}, "gradient_clip is -1: give the largest norm"),
        ({"gradient_clip": float("inf")}, "gradient_clip is inf"),
        ({"gradient_clip": None}, "gradient_clip is None"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0: give a share from 0 to below 1"),
        ({"label_smoothing": float("nan")}, "label_smoothing is nan"),
    ],
)
def test_what_excludes_each_other_is_one_sentence(wrong, sentence):
    with pytest.raises(LotteryError, match=sentence):
        Recipe(**wrong)


def test_new_fields_change_an_identity_only_where_they_are_chosen():
    plain = Setting("lenet-digits").identity()
    assert plain == Setting("lenet-digits", Recipe(gradient_clip=0, label_smoothing=0)).identity() == "491f50948e0a"
    chosen = [{"gradient_clip": 1.0}, {"label_smoothing": 0.1}, {"learning_rate_schedule": "cosine"}]
    assert len({plain, *(Setting("lenet-digits", Recipe(**fields)).identity() for fields in chosen)}) == 4


def test_what_a_profile_has_for_another_optimiser_or_schedule_goes():
    deep = tasks.find_task("resnet8-cluttered")
    usual = tasks.resolve(deep)[0].recipe
    assert usual.momentum and usual.milestones, "else this test holds nothing"
    changed = tasks.resolve(deep, optimizer="adamw", learning_rate_schedule="cosine")[0].recipe
    assert (changed.momentum, changed.milestones, changed.weight_decay) == (0, (), usual.weight_decay)
    with pytest.raises(LotteryError, match="momentum is 0.9, which adamw does not take"):
        tasks.resolve(deep, optimizer="adamw", momentum=0.9)
    with pytest.raises(LotteryError, match=r"milestones is \[5\], which schedule 'cosine'"):
        tasks.resolve(deep, learning_rate_schedule="cosine", milestones=(5,))


@pytest.fixture(scope="module")
def exact(blobs):
    """The blobs in float64, so that agreement shows to many digits."""
    splits = (blobs.train, blobs.validation, blobs.test)
    return data.Dataset("blobs", *(data.Split(split.inputs.double(), split.targets) for split in splits))


def build():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()


def two_tickets():
    """Two tickets: of the second, whose weights are four times as large, far larger gradients are clipped."""
    made = []
    for seed in (0, 1):
        theta = {name: tensor * 4**seed for name, tensor in models.initial_weights(build, seed).items()}
        weights = models.prunable(build())
        mask = masks.prune(masks.ones(weights), {name: theta[name].abs() for name in weights}, 0.5)
        made.append(Ticket(theta, mask, order_seed=seed + 3))
    return made


def a_plain_loop(ticket, recipe, dataset):
    """The same training written out with torch's own optimisers, clipping and loss; and every gradient's norm."""
    network, norms = build(), []
    network.load_state_dict(masks.apply(ticket.mask, ticket.weights))
    decay = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    optimizer = {
        "adamw": lambda: torch.optim.AdamW(network.parameters(), **decay),
        "adam": lambda: torch.optim.Adam(network.parameters(), **decay),
        "sgd": lambda: torch.optim.SGD(network.parameters(), momentum=recipe.momentum, **decay),
    }[recipe.optimizer]()
    train = dataset.train
    for at, batch in enumerate(batch_order(len(train), recipe.batch_size, ticket.order_seed, 0, recipe.iterations)):
        optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(at)
        optimizer.zero_grad()
        outputs = network(train.inputs[batch])
        functional.cross_entropy(outputs, train.targets[batch], label_smoothing=recipe.label_smoothing).backward()
        for name, kept in ticket.mask.items():
            network.get_parameter(name).grad *= kept
        norms.append(float(nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)))
        optimizer.step()
        for name, kept in ticket.mask.items():
            network.get_parameter(name).data *= kept
    return network, norms


@pytest.mark.parametrize("stack", [None, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_a_plain_loop_gives_the_same_numbers(exact, name, stack):
    tickets, recipe = two_tickets(), RECIPES[name]
    trained = dict(engine.train(tickets, recipe, exact, model=build(), device="cpu", workers=1, stack=stack))
    larger = []
    for index, ticket in enumerate(tickets):
        network, norms = a_plain_loop(ticket, recipe, exact)
        larger += [norm > recipe.gradient_clip for norm in norms]
        for key, tensor in network.state_dict().items():
            torch.testing.assert_close(trained[index].weights[key], tensor, rtol=1e-9, atol=1e-12)
    assert any(larger) and not all(larger), "some gradients are clipped, and some are not"


@pytest.mark.gpu
@pytest.mark.parametrize("name", RECIPES)
def test_captured_steps_on_a_card_are_as_the_plain_loop(exact, name):
    tickets, recipe = two_tickets(), RECIPES[name]
    trained = dict(engine.train(tickets, recipe, exact, model=build(), device="cuda"))
    for index, ticket in enumerate(tickets):
        for key, tensor in a_plain_loop(ticket, recipe, exact)[0].state_dict().items():
            torch.testing.assert_close(trained[index].weights[key], tensor, rtol=1e-6, atol=1e-9)


def test_clipping_leaves_frozen_weights_and_layers_in_place(exact):
    network = build()
    network[2].bias.requires_grad_(False)
    [ticket, _] = two_tickets()
    frozen = Ticket(ticket.weights, ticket.mask, 3, frozen={name: ~kept for name, kept in ticket.mask.items()})
    recipe = RECIPES["adamw, clipped, warmup and cosine"]
    for stack in (None, 2):
        for _, trained in engine.train([ticket, frozen], recipe, exact, model=network, device="cpu", workers=1, stack=stack):
            assert torch.equal(trained.weights["2.bias"], ticket.weights["2.bias"])
    for name, kept in ticket.mask.items():
        assert torch.equal(trained.weights[name][~kept], ticket.weights[name][~kept])
        assert not torch.equal(trained.weights[name][kept], ticket.weights[name][kept])


def test_labels_are_smoothed_in_training_and_not_in_measurements(exact):
    recipe = RECIPES["sgd, clipped, one-cycle, smoothed"]
    [ticket, _] = two_tickets()
    [(_, trained)] = engine.train([ticket], recipe, exact, model=build(), device="cpu")
    network = build()
    network.load_state_dict(trained.weights)
    end = [at == 30 and split == "validation" for at, split in zip(trained.history["iteration"], trained.history["split"])]
    plain = functional.cross_entropy(network(exact.validation.inputs), exact.validation.targets)
    assert trained.history["loss"][end.index(True)] == pytest.approx(plain.item(), rel=1e-9)


@pytest.mark.usefixtures("no_criterion_is_left_behind")
def test_a_criterion_sees_the_loss_that_training_minimises(own_task):
    seen = []

    @registry.score
    def watching(*, network, weights, mask, batch, loss):
        outputs = network.eval()(batch[0])
        smooth = functional.cross_entropy(outputs, batch[1], label_smoothing=0.3)
        seen.append((loss(outputs, batch[1]).item(), smooth.item()))
        return {name: weight.abs() for name, weight in weights.items()}

    lthlib.hunt(own_task, score="watching", label_smoothing=0.3, **SHORT)
    assert seen and all(ours == pytest.approx(theirs, rel=1e-6) for ours, theirs in seen)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_continued_training_repeats_the_course_from_the_rewind_point(own_task, schedule, monkeypatch):
    rates, set_rate = [], Stack._set_rate
    monkeypatch.setattr(Stack, "_set_rate", lambda self, rate: rates.append(rate) or set_rate(self, rate))
    chosen = {"learning_rate_schedule": schedule, "learning_rate": 0.1, "rewind": 12}
    table = lthlib.hunt(own_task, schedule="continued", **chosen, **SHORT)
    course = [Recipe(learning_rate=0.1, iterations=30, learning_rate_schedule=schedule).learning_rate_at(at) for at in range(30)]
    tried = 2  # steps on a throw-away copy, before anything is trained
    assert rates[tried:] == course + course[12:] and set(table.level) == {0, 1}


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_fine_tuning_at_a_learning_rate_of_almost_nothing_is_refused(own_task, schedule):
    with pytest.raises(LotteryError, match=f"'finetuned' trains on at the last .*'{schedule}' .*choose schedule 'continued'"):
        lthlib.hunt(own_task, schedule="finetuned", learning_rate_schedule=schedule, **SHORT)
    with pytest.raises(LotteryError, match=f"'{schedule}' falls with the end of training"):
        early_bird.weights_at(own_task, [5], trials=1, learning_rate_schedule=schedule)


CHOSEN = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "learning_rate": 0.01,
    "learning_rate_schedule": "cosine",
    "warmup": 5,
    "gradient_clip": 1.0,
    "label_smoothing": 0.1,
    "batch_size": 30,
}


def test_the_command_line_says_the_same_as_python(capsys):
    options = [part for name, value in CHOSEN.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    short = ["--profile", "smoke", "--levels", "1", "--trials", "1", "--iterations", "20"]
    assert main(["hunt", "--task", "lenet-digits", *short, *options]) == 0
    lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=20, **CHOSEN, progress=False)
    setting, _ = tasks.resolve(tasks.find_task("lenet-digits"), "smoke", iterations=20, **CHOSEN)
    assert [path.parent.name for path in Store(None).folder.rglob("setting.json")] == [setting.identity()]
    assert len(list(Store(None).folder.rglob("*-level*.json"))) == 2, "the second hunt found what the first had trained"


def test_milestones_and_momentum_on_the_command_line(capsys):
    short = ["--profile", "smoke", "--levels", "0", "--trials", "1", "--iterations", "20"]
    sgd = ["--optimizer", "sgd", "--momentum", "0.9", "--milestones", "10,15", "--learning-rate", "0.1"]
    assert main(["hunt", "--task", "lenet-digits", *short, *sgd]) == 0
    [path] = Store(None).folder.rglob("setting.json")
    text = json.dumps(json.loads(path.read_text()))
    assert '"milestones": [10, 15]' in text and '"momentum": 0.9' in text and '"optimizer": "sgd"' in text
    capsys.readouterr()
    for wrong in (["--milestones", "ten"], ["--label-smoothing", "2"], ["--optimizer", "adamw", "--momentum", "0.9"]):
        assert main(["hunt", "--task", "lenet-digits", *short, *wrong]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1 and not captured.out


def test_a_sweep_checks_them_before_it_starts(tmp_path):
    lines = [f"{name}: {type(value).__name__} = {value!r}" for name, value in {"task": "lenet-digits", **CHOSEN}.items()]
    cell = {
        "id": "chosen",
        "cell_type": "code",
        "metadata": {"tags": ["parameters"]},
        "outputs": [],
        "execution_count": None,
        "source": "",
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [{**cell, "source": "\n".join(lines)}]
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook))

    def read(**grid):
        sweep = {"notebooks": ["mine.ipynb"], "parameters": {"task": "lenet-digits"}, "grid": grid}
        (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
        return config.read(tmp_path / "sweep.yaml").runs

    assert len(read(optimizer=["adam", "adamw"], learning_rate_schedule=["cosine"], gradient_clip=[0.5, 1.0])) == 4
    for wrong, says in (
        ({"learning_rate_schedule": ["cosin"]}, "did you mean 'cosine'"),
        ({"learning_rate_schedule": ["one_cycle"], "warmup": [5]}, "has a rise of its own"),
        ({"label_smoothing": [1.5]}, "label_smoothing is 1.5"),
    ):
        with pytest.raises(LotteryError, match=says):
            read(**wrong)


def test_a_hunt_with_all_of_them_finds_its_results_again(own_task):
    table = lthlib.hunt(own_task, controls="reinit", **{**SHORT, **CHOSEN})
    again = lthlib.hunt(own_task, controls="reinit", **{**SHORT, **CHOSEN})
    assert again.equals(table) and table.loss.notna().all() and set(table.method) == {"iterative", "reinit"}
