"""Tickets that are trained side by side end as the same tickets trained alone."""

import pytest
import torch
from torch import nn

import lthlib
from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import engine, randomness
from lthlib.training.engine import Ticket
from lthlib.training.stack import Stack

CPU = torch.device("cpu")
NETWORKS = {
    "lenet": lambda: models.LeNet(3 * 8 * 8, 4, hidden=(20, 10)),
    "conv with dropout": lambda: models.Conv((3, 8, 8), 4, widths=(6,), hidden=(12, 12), dropout=0.5),
    "batch norm resnet": lambda: models.ResNet((3, 8, 8), 4, depth=8, width=4),
}
RECIPES = {
    "sgd": Recipe("sgd", 0.01, momentum=0.9, weight_decay=1e-3, batch_size=8, iterations=200, evaluate_every=50),
    "adam": Recipe(batch_size=8, iterations=200, evaluate_every=50, warmup=40, milestones=(150,), augment=True),
}


@pytest.fixture(scope="module")
def images():
    """300 + 200 images of noise around four patterns, in float64, so that agreement shows to many digits."""
    generator = torch.Generator().manual_seed(0)
    patterns, targets = torch.randn(4, 3, 8, 8, generator=generator), torch.randint(0, 4, (500,), generator=generator)
    inputs = 0.3 * patterns[targets] + torch.randn(500, 3, 8, 8, generator=generator)
    found = data.from_arrays("patterns", inputs[:300], targets[:300], inputs[300:], targets[300:])
    return data.Dataset(
        "patterns", *(data.Split(s.inputs.double(), s.targets) for s in (found.train, found.validation, found.test))
    )


def tickets_of(build, count):
    made = []
    for seed in range(count):
        theta = models.initial_weights(build, seed)
        scores = {name: theta[name].abs() for name in models.prunable(build())}
        made.append(Ticket(theta, masks.prune(masks.ones(scores), scores, 0.2 * seed), order_seed=10 + seed))
    return made


def run(tickets, recipe, dataset, build, **options):
    trained = dict(engine.train(tickets, recipe, dataset, model=build(), device="cpu", workers=1, **options))
    return [trained[index] for index in range(len(tickets))]


@pytest.mark.parametrize("optimizer", RECIPES)
@pytest.mark.parametrize("network", NETWORKS)
def test_together_is_as_alone(images, network, optimizer):
    build = lambda: NETWORKS[network]().double()  # noqa: E731
    tickets, recipe = tickets_of(build, 3), RECIPES[optimizer]
    together = run(tickets, recipe, images, build, stack=3, snapshot=30)
    alone = run(tickets, recipe, images, build, snapshot=30)
    for ours, theirs, ticket in zip(together, alone, tickets):
        assert (ours.weights.keys(), ours.snapshot.keys()) == (theirs.weights.keys(), theirs.snapshot.keys())
        for name in theirs.weights:  # running statistics of batch norm are among them
            torch.testing.assert_close(ours.snapshot[name], theirs.snapshot[name], rtol=1e-7, atol=1e-9)
            torch.testing.assert_close(ours.weights[name], theirs.weights[name], rtol=1e-5, atol=1e-7)
        for name, mask in ticket.mask.items():
            assert not ours.weights[name][~mask].any()
            assert not torch.equal(ours.weights[name], ticket.weights[name])
        assert {name: column for name, column in ours.history.items() if name != "loss"} == {
            name: column for name, column in theirs.history.items() if name != "loss"
        }
        assert ours.history["loss"] == pytest.approx(theirs.history["loss"], rel=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", RECIPES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_card_with_captured_steps_is_as_the_cpu(images, network, optimizer):
    build = lambda: NETWORKS[network]().double()  # noqa: E731
    tickets = tickets_of(build, 3)
    there = dict(engine.train(tickets, RECIPES[optimizer], images, model=build(), device="cuda"))
    for index, theirs in enumerate(run(tickets, RECIPES[optimizer], images, build)):
        for name in theirs.weights:
            torch.testing.assert_close(there[index].weights[name], theirs.weights[name], rtol=1e-5, atol=1e-7)
        assert there[index].history["iteration"] == theirs.history["iteration"]


def test_float32_agrees_to_its_tolerance(images):
    build, recipe = NETWORKS["lenet"], RECIPES["sgd"]
    dataset = data.Dataset(
        "p", *(data.Split(s.inputs.float(), s.targets) for s in (images.train, images.validation, images.test))
    )
    together = run(tickets_of(build, 3), recipe, dataset, build, stack=3)
    alone = run(tickets_of(build, 3), recipe, dataset, build)
    for ours, theirs in zip(together, alone):
        for name in theirs.weights:
            torch.testing.assert_close(ours.weights[name], theirs.weights[name], rtol=1e-3, atol=1e-4)


def test_stacks_are_split_and_hold_tickets_of_one_start(images, monkeypatch):
    build, sizes = NETWORKS["lenet"], []
    tickets = tickets_of(build, 5)
    tickets[3] = Ticket(tickets[3].weights, tickets[3].mask, 13, start=20)
    recipe = Recipe(batch_size=8, iterations=24, evaluate_every=10)
    monkeypatch.setattr(engine, "Stack", lambda model, group, *rest: sizes.append(len(group)) or Stack(model, group, *rest))
    together = run(tickets, recipe, _float(images), build, stack=3)
    assert sorted(sizes) == [1, 2, 2]
    alone = run(tickets, recipe, _float(images), build)
    for ours, theirs in zip(together, alone):
        assert ours.history["iteration"] == theirs.history["iteration"]
        torch.testing.assert_close(ours.weights["fc1.weight"], theirs.weights["fc1.weight"], rtol=1e-4, atol=1e-5)


def test_a_stack_that_does_not_fit_is_halved(images, monkeypatch):
    def short_of_memory(model, group, *rest):
        if len(group) > 2:
            raise torch.OutOfMemoryError
        sizes.append(len(group))
        return Stack(model, group, *rest)

    build, sizes = NETWORKS["lenet"], []
    monkeypatch.setattr(engine, "Stack", short_of_memory)
    recipe = Recipe(batch_size=8, iterations=2, evaluate_every=2)
    assert len(run(tickets_of(build, 5), recipe, _float(images), build, stack=5)) == 5
    assert sum(sizes) == 5 and max(sizes) == 2


class FunctionalDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(192, 4)

    def forward(self, x):
        return self.output(nn.functional.dropout(x.flatten(1), 0.5, self.training))


def test_networks_that_cannot_be_stacked_are_found_out_before(images, monkeypatch, capsys):
    for recipe in RECIPES.values():
        engine._try_stacking(tickets_of(NETWORKS["lenet"], 2), recipe, _float(images), NETWORKS["lenet"](), CPU)
    tickets = tickets_of(FunctionalDropout, 2)
    with pytest.raises(RuntimeError):  # two alone would draw other numbers than two together
        engine._try_stacking(tickets, RECIPES["sgd"], _float(images), FunctionalDropout(), CPU)
    fake = {
        "empty_cache": 0,
        "reset_peak_memory_stats": 0,
        "memory_allocated": 10,
        "max_memory_allocated": 40,
        "mem_get_info": (1000, 0),
    }
    for name, value in fake.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    monkeypatch.setattr(engine, "Stack", lambda *args: Stack(*args[:4], CPU))
    limit = lambda build: engine._stack_limit(tickets_of(build, 2), RECIPES["sgd"], _float(images), build(), torch.device("cuda"))  # noqa: E731
    assert limit(NETWORKS["lenet"]) == int(engine.SHARE_OF_MEMORY * 1000 / (engine.COPIES * 15))
    assert limit(FunctionalDropout) == 1 and "one after the other" in capsys.readouterr().err


def test_layers_that_share_a_weight(images):
    def build():
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)).double()
        network[5].weight = network[3].weight
        return network

    tickets, recipe = tickets_of(build, 2), RECIPES["adam"]
    for ours, theirs in zip(run(tickets, recipe, images, build, stack=2), run(tickets, recipe, images, build)):
        assert torch.equal(ours.weights["3.weight"], ours.weights["5.weight"])
        torch.testing.assert_close(ours.weights["3.weight"], theirs.weights["3.weight"], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [1, 2])
def test_bfloat16_keeps_weights_in_float32_and_learns_as_well(images, size):
    build, recipe = NETWORKS["batch norm resnet"], RECIPES["sgd"]
    low = Recipe(**{**vars(recipe), "precision": "bfloat16"})
    full, half = (run(tickets_of(build, size), r, _float(images), build, stack=size) for r in (recipe, low))
    for ours, theirs in zip(half, full):
        assert {t.dtype for n, t in ours.weights.items() if "num_batches" not in n} == {torch.float32}
        assert not torch.equal(ours.weights["output.weight"], theirs.weights["output.weight"])
        [found], [expected] = (
            [a for a, s in zip(r.history["accuracy"], r.history["split"]) if s == "test"][:1] for r in (ours, theirs)
        )
        assert expected > 0.6 and found > expected - 0.08, "another rounding is another run, which may as well be better"


def test_dropout_is_torchs_in_distribution_and_repeats_by_key():
    layer, x = randomness.Dropout(0.3), torch.ones(400, 500)
    randomness.key_random_layers(layer, 7)
    first, second = layer(x), layer(x)
    assert first.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (first == 0).float().mean().item() == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / 200_000) ** 0.5)
    both = ((first == 0) & (second == 0)).float().mean().item()
    assert both == pytest.approx(0.09, abs=5 * (0.09 * 0.91 / 200_000) ** 0.5)
    for shift in (1, 500):  # neighbours along both axes
        zero = (first == 0).flatten()
        assert (zero[:-shift] & zero[shift:]).float().mean().item() == pytest.approx(0.09, abs=0.004)
    randomness.key_random_layers(layer, 7)
    assert torch.equal(layer(x), first)
    assert torch.equal(layer.eval()(x), x)


def test_seeing_shifts_flips_and_pads_with_zeros():
    image = torch.arange(1.0, 13).view(1, 1, 3, 4)
    middle = randomness.PADDING * randomness.SHIFTS + randomness.PADDING
    flip = randomness.SHIFTS**2
    see = lambda view: randomness.shift_and_flip(image, torch.tensor([view]))[0, 0]  # noqa: E731
    assert torch.equal(see(middle), image[0, 0])
    assert torch.equal(see(middle + flip), image[0, 0].flip(1))
    assert torch.equal(see(middle + randomness.SHIFTS), torch.tensor([[5.0, 6, 7, 8], [9, 10, 11, 12], [0, 0, 0, 0]]))
    assert torch.equal(see(middle - 1), torch.tensor([[0.0, 1, 2, 3], [0, 5, 6, 7], [0, 9, 10, 11]]))
    assert torch.equal(see(middle - 1 + flip), torch.tensor([[3.0, 2, 1, 0], [7, 6, 5, 0], [11, 10, 9, 0]]))
    assert not see(0).any() and see(0).shape == (3, 4)


def test_views_are_drawn_evenly_and_can_start_anywhere():
    whole = randomness.view_order(examples=50, batch_size=12, seed=4, start=0, stop=2000)
    assert whole.shape == (2000, 12) and whole.min() == 0 and whole.max() == randomness.VIEWS - 1
    flips = (whole >= randomness.SHIFTS**2).float().mean().item()
    assert flips == pytest.approx(0.5, abs=5 * 0.5 / 24_000**0.5)
    assert torch.equal(randomness.view_order(50, 12, 4, start=7, stop=2000), whole[7:])


def test_warmup_and_milestones():
    recipe = Recipe("sgd", 0.2, warmup=4, milestones=(9, 6), iterations=12)
    rates = [recipe.learning_rate_at(iteration) for iteration in range(11)]
    assert rates == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.2, 0.2, 0.02, 0.02, 0.02, 0.002, 0.002])
    assert Recipe().learning_rate_at(49_999) == Recipe().learning_rate


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"warmup": -1}, "warmup is -1"),
        ({"milestones": 5}, "milestones is 5"),
        ({"milestones": (0,)}, "a milestone is 0"),
        ({"augment": 1}, "augment is 1"),
        ({"precision": "float16"}, "unknown precision 'float16'.*float32, bfloat16"),
    ],
)
def test_bad_recipes(wrong, sentence):
    with pytest.raises(LotteryError, match=sentence):
        Recipe(**wrong)


def test_only_images_are_augmented(own_task):
    with pytest.raises(LotteryError, match="augment is True, but an example of task 'blobs-own' has shape \\[6\\]"):
        lthlib.hunt(own_task, "smoke", augment=True)


def _float(dataset):
    splits = (dataset.train, dataset.validation, dataset.test)
    return data.Dataset("patterns", *(data.Split(s.inputs.float(), s.targets) for s in splits))
