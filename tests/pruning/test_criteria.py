"""Criteria against independent oracles, and those of the user."""

import copy
from importlib import metadata

import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import models, tasks
from lthlib.core.errors import LotteryError
from lthlib.lottery.search import hunt
from lthlib.pruning import activations, at_initialisation, registry
from lthlib.storage.store import TICKET, Key, Store

SMALL = {"iterations": 20, "levels": 2, "trials": 1, "evaluate_every": 10, "device": "cpu", "progress": False}


pytestmark = pytest.mark.usefixtures("no_criterion_is_left_behind")


def evidence(network, seed=0, mask=None):
    """What a criterion is given, for a network in double precision and ten examples of five numbers."""
    torch.manual_seed(seed)
    network = network.double()
    weights = {name: weight.detach().clone() for name, weight in models.prunable(network).items()}
    mask = mask or {name: torch.rand(weight.shape) > 0.3 for name, weight in weights.items()}
    batch = torch.randn(10, 5, dtype=torch.float64), torch.randint(0, 3, (10,))
    known = {"weights": weights, "start": {n: w + 0.1 * torch.randn_like(w) for n, w in weights.items()}, "mask": mask}
    return known | {"network": network, "batch": batch, "loss": functional.cross_entropy, "seed": seed}


def small_net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))


def loss_at(known, weights):
    network = copy.deepcopy(known["network"])
    network.load_state_dict({**network.state_dict(), **weights})
    return known["loss"](network(known["batch"][0]), known["batch"][1])


def test_snip_is_the_derivative_of_the_loss_in_the_mask():
    known = evidence(small_net())
    found = registry.evaluate(at_initialisation.snip, **known)
    soft = {name: kept.double() for name, kept in known["mask"].items()}
    for name in soft:
        for index in [(0, 0), (1, 2), (2, 3)]:
            moved = []
            for step in (1e-6, -1e-6):
                mask = {n: m.clone() for n, m in soft.items()}
                mask[name][index] += step
                moved.append(loss_at(known, {n: known["weights"][n] * mask[n] for n in mask}).item())
            if known["mask"][name][index]:
                assert found[name][index].item() == pytest.approx(abs(moved[0] - moved[1]) / 2e-6, rel=1e-4, abs=1e-9)


def test_grasp_is_the_first_order_change_of_the_gradients_norm():
    known = evidence(small_net())
    found = registry.evaluate(at_initialisation.grasp, **known)
    masked = {name: known["weights"][name] * known["mask"][name] for name in known["weights"]}

    def squared_norm(weights):
        leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        outputs = torch.func.functional_call(known["network"], leaves, (known["batch"][0],))
        loss = known["loss"](outputs / at_initialisation.TEMPERATURE, known["batch"][1])
        return sum((g**2).sum() for g in torch.autograd.grad(loss, list(leaves.values()))).item()

    for name in masked:
        for index in [(0, 1), (1, 1), (2, 0)]:
            by = 1e-4  # a share of the weight taken away
            less, more = ({n: w.clone() for n, w in masked.items()} for _ in range(2))
            less[name][index] *= 1 - by
            more[name][index] *= 1 + by
            change = (squared_norm(more) - squared_norm(less)) / (2 * by)  # 2 theta H g
            assert found[name][index].item() == pytest.approx(change / 2, rel=1e-3, abs=1e-12)


def test_synflow_is_conserved_through_every_layer_and_unit():
    """What enters a hidden unit leaves it: the law of Tanaka et al. (2020), theorem 1; and so every layer's sum is the same."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(5, 6, bias=False), nn.ReLU(), nn.Linear(6, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False)
    )
    found = registry.evaluate(at_initialisation.synflow, **evidence(network))
    layers = list(found.values())
    for below, above in zip(layers, layers[1:]):
        assert torch.allclose(below.sum(1), above.sum(0))
    assert len({round(layer.sum().item(), 9) for layer in layers}) == 1 and layers[0].sum() > 0


def test_criteria_of_trained_weights():
    weights, start = {"w": torch.tensor([3.0, -1.0, 0.5, -2.0])}, {"w": torch.tensor([1.0, -4.0, -0.5, -2.0])}
    known = {"weights": weights, "start": start, "mask": {"w": torch.ones(4, dtype=torch.bool)}, "seed": 0}
    expected = {
        "magnitude": [3, 1, 0.5, 2],
        "initial_magnitude": [1, 4, 0.5, 2],
        "magnitude_increase": [2, -3, 0, 0],
        "movement": [2, 3, 1, 0],
        "same_sign": [3, 1, -0.5, 2],
    }
    for name, values in expected.items():
        assert registry.evaluate(registry.SCORES[name], **known)["w"].tolist() == values


@pytest.mark.parametrize("name", sorted(registry.SCORES))
@pytest.mark.parametrize("schedule", ["iterative", "untrained"])
def test_every_criterion_prunes_to_the_same_densities(own_task, name, schedule):
    """The count is the rate's, whatever the criterion and its number of rounds."""
    table = hunt(own_task, score=name, schedule=schedule, rate=0.5, **SMALL)
    weights = [96, 48, 24]
    found = table.groupby("level").density.first()
    plain = hunt(own_task, schedule=schedule, rate=0.5, **SMALL).groupby("level").density.first()
    assert found.tolist() == pytest.approx(plain.tolist(), abs=1.01 / 144), weights


def test_ones_own_criterion_is_a_score_like_any_other(own_task, tmp_path):
    @lthlib.score
    def smallest(*, weights):
        return {name: -weight.abs() for name, weight in weights.items()}

    folder = tmp_path / "own"
    table = hunt(own_task, score="smallest", results=folder, **SMALL)
    setting = Store(folder).settings()[0]
    assert setting.score == "smallest" and setting.score_code
    trained = Store(folder).load(setting, lthlib.storage.store.Key("ticket", 0, 0))
    kept = Store(folder).load(setting, lthlib.storage.store.Key("ticket", 0, 1)).mask["hidden.weight"]
    sizes = trained.weights["hidden.weight"].abs()
    assert sizes[kept].max() <= sizes[~kept].min()
    by_value = hunt(own_task, score=smallest, results=folder, **SMALL)
    assert by_value.setting.unique().tolist() == table.setting.unique().tolist()
    del registry.SCORES["smallest"]
    assert lthlib.results(folder).setting.unique().tolist() == table.setting.unique().tolist(), "read without the code at hand"


def test_other_code_under_the_same_name_is_another_setting(own_task):
    def criterion(*, weights):
        return {name: weight.abs() for name, weight in weights.items()}

    first = tasks.resolve(own_task, "quick", score=criterion)[0]

    def criterion(*, weights):
        return {name: -weight.abs() for name, weight in weights.items()}

    second = tasks.resolve(own_task, "quick", score=criterion)[0]
    assert first.score == second.score and first.identity() != second.identity()
    assert tasks.resolve(own_task, "quick", score="magnitude")[0] == tasks.resolve(own_task, "quick")[0]


def test_a_criterion_of_an_installed_package(monkeypatch):
    def packaged(*, weights):
        return weights

    point = type("Point", (), {"load": lambda self: packaged})()
    found = lambda group, name: [point] if (group, name) == ("lthlib.scores", "packaged") else []  # noqa: E731
    monkeypatch.setattr(metadata, "entry_points", found)
    assert registry.find("packaged") is packaged and registry.find("another") is None


def test_bad_criteria_are_told_why(own_task):
    with pytest.raises(LotteryError, match="asks for gradients: it can be given weights"):
        lthlib.score(lambda_named("own", "gradients"))
    with pytest.raises(LotteryError, match="no name of its own"):
        lthlib.score(lambda *, weights: weights)
    with pytest.raises(LotteryError, match="belongs to a criterion of lthlib"):
        lthlib.score(lambda_named("magnitude", "weights"))
    with pytest.raises(LotteryError, match="rounds of criterion 'own' is 0"):
        lthlib.score(rounds=0)(lambda_named("own", "weights"))
    with pytest.raises(LotteryError, match="gives NoneType for 'hidden.weight'"):
        hunt(own_task, score=lambda_named("own", "weights"), **SMALL)
    with pytest.raises(LotteryError, match="did you mean 'magnitude'"):
        hunt(own_task, score="magnitud", **SMALL)


def lambda_named(name, keyword):
    space = {}
    exec(f"def {name}(*, {keyword}):\n    return None", space)
    return space[name]


def leaves(*, weights):
    raise SystemExit(0)


def divides(*, weights):
    return 1 // 0


def nothing_from_nothing(*, weights):
    return {name: weight / weight.abs().clamp(max=0) * 0 for name, weight in weights.items()}


def turned(*, weights):
    return {name: torch.complex(weight, weight) for name, weight in weights.items()}


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        (leaves, "criterion 'leaves' fails .SystemExit"),
        (divides, "criterion 'divides' fails .ZeroDivisionError"),
        (nothing_from_nothing, "criterion 'nothing_from_nothing' gives NaN for weights of"),
        (turned, "criterion 'turned' gives complex numbers for"),
    ],
)
def test_a_criterion_that_fails_is_blamed_by_name(criterion, says, own_task, tmp_path):
    with pytest.raises(LotteryError, match=says):
        hunt(own_task, score=criterion, results=tmp_path, **SMALL)


def test_a_file_that_leaves_is_blamed_by_name(tmp_path):
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(LotteryError, match="mine.py stops with SystemExit"):
        registry.read_file(tmp_path / "mine.py")


def test_wanda_is_the_weight_times_its_inputs_norm_ranked_within_each_unit():
    """Unit by unit, in plain Python, from the activations that a forward pass has at hand."""
    known = evidence(small_net())
    network, (inputs, _), mask = known["network"], known["batch"], known["mask"]
    network.load_state_dict({**network.state_dict(), **{n: known["weights"][n] * mask[n] for n in mask}})
    found = registry.evaluate(activations.wanda, **known)
    given = inputs
    for place in (0, 2, 4):
        layer, name = network[place], f"{place}.weight"
        for unit in range(layer.out_features):
            scores = {
                place: abs(known["weights"][name][unit, place].item()) * sum(x**2 for x in given[:, place].tolist()) ** 0.5
                for place in range(layer.in_features)
                if mask[name][unit, place]
            }
            for rank, place in enumerate(sorted(scores, key=scores.get), 1):
                assert found[name][unit, place].item() == pytest.approx(rank / len(scores))
            assert not found[name][unit][~mask[name][unit]].any()
        given = torch.tanh(layer(given)).detach()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 4), (3, 6)),
        (nn.Linear(6, 4), (3, 5, 6)),
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 8, 8)),
        (nn.Conv2d(3, 4, (2, 3), dilation=2), (2, 3, 9, 9)),
        (nn.Conv1d(3, 4, 3, stride=2, padding=1), (2, 3, 9)),
    ],
    ids=["linear", "sequence", "convolution", "dilated", "one dimension"],
)
def test_a_layers_inputs_are_what_its_flattened_weight_multiplies(layer, shape):
    network, examples = nn.Sequential(layer), torch.randn(shape)
    rows = models.layer_inputs(network, ["0.weight"], examples)["0.weight"]
    outputs = rows @ layer.weight.detach().flatten(1).T + layer.bias.detach()
    expected = layer(examples).detach()
    if not isinstance(layer, nn.Linear):  # channels last, as the rows are in the order of positions
        expected = expected.flatten(2).transpose(1, 2)
    assert torch.allclose(outputs, expected.reshape(-1, 4), atol=1e-5)


def test_wanda_prunes_every_unit_alike_and_is_a_score_like_any_other(tmp_path):
    table = hunt("lenet-digits", "quick", score="wanda", schedule="oneshot", scope="uniform", results=tmp_path, **SMALL)
    store = Store(tmp_path)
    setting = store.find(f"lenet-digits/{table.setting.iloc[0]}")
    for kept in store.load(setting, Key(TICKET, 0, 2)).mask.values():
        counts = kept.sum(1)
        assert counts.max() - counts.min() <= 1


def test_inputs_are_known_of_linear_layers_and_convolutions_alone():
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(LotteryError, match="'0.weight' belongs to a Conv2d in groups"):
        models.layer_inputs(network, ["0.weight"], torch.randn(2, 4, 5, 5))
    unused = nn.ModuleDict({"used": nn.Linear(3, 2), "unused": nn.Linear(3, 2)})
    unused.forward = lambda x: unused["used"](x)
    with pytest.raises(LotteryError, match="the layer of 'unused.weight' does not run"):
        models.layer_inputs(unused, ["unused.weight"], torch.randn(2, 3))
