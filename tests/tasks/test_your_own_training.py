"""What docs/your-own.md says about objectives with options, tokens and two inputs runs as it stands, only shorter."""

import pytest
import torch

import lthlib
from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import engine
from lthlib.training.engine import Ticket
from tests.tasks.test_your_own import blocks
from tests.tasks.test_your_own import short as short  # a fixture

NAMED = {"MeanOfWords": "words-texts", "CrossEntropy(class_weights=(1, 1, 2)": "tagger", "Siamese": "siamese-pairs"}


def example(word):
    [block] = blocks("docs/your-own.md", word)
    exec(block, space := {})
    return space


@pytest.mark.parametrize("word", NAMED)
def test_examples_run(short, word):
    table = example(word)["table"]
    assert set(table.level) == {0, 1} and set(table.task) == {NAMED[word]}
    assert table.loss.notna().all() and table.accuracy.between(0, 1).all()


def test_tokens_with_classes_stay_whole_and_are_learned(short):
    space = example("MeanOfWords")
    splits = (space["mine"].train, space["mine"].validation, space["mine"].test)
    assert all(split.inputs.dtype == split.targets.dtype == torch.int64 for split in splits)
    task = lthlib.Task("words-long", space["mine"], space["build"])
    chosen = {"levels": 0, "trials": 1, "iterations": 200, "batch_size": 32, "learning_rate": 0.01, "device": "cpu"}
    table = lthlib.lottery.search.hunt(task, "smoke", **chosen, progress=False)
    assert table[table.split == "test"].accuracy.max() > 0.9


@pytest.mark.parametrize("wrong", [[[0.5, 1]], [[-1, 1]], [[float("nan"), 1]], [[float("inf"), 1]]])
def test_tokens_are_whole_numbers_from_0(wrong):
    good = [[1, 2], [0, 3], [1, 1]]
    assert (
        data.from_arrays("t", torch.tensor(good).float(), [0, 1, 0], good, [0, 1, 0], tokens=True).train.inputs.dtype
        == torch.int64
    )
    assert data.from_arrays("t", good, [0, 1, 0], good, [0, 1, 0]).train.inputs.dtype == torch.float32, "as before"
    with pytest.raises(LotteryError, match="data set 't' has tokens that are no whole numbers from 0"):
        data.from_arrays("t", good, [0, 1, 0], wrong, [0], tokens=True)


def test_two_inputs_are_handed_on_and_pruned_alone_and_stacked(short):
    space = example("Siamese")
    network, inputs = space["build"](None), space["mine"].test.inputs[:5]
    assert torch.equal(network(inputs), network.network(inputs[:, 0], inputs[:, 1]))
    theta = [models.initial_weights(lambda: space["build"](None), seed) for seed in (0, 1)]
    weights = models.prunable(network)
    assert list(weights) == ["network.encoder.0.weight", "network.encoder.2.weight", "network.output.weight"]
    kept = [masks.prune(masks.ones(weights), {name: state[name].abs() for name in weights}, 0.5) for state in theta]
    tickets = [Ticket(state, mask, 7) for state, mask in zip(theta, kept)]
    told = {"model": network, "objective": space["objective"], "device": "cpu", "workers": 1}
    recipe = Recipe(iterations=30, batch_size=20, evaluate_every=15, gradient_clip=1.0)
    alone, together = (dict(engine.train(tickets, recipe, space["mine"], stack=size, **told)) for size in (None, 2))
    for index, ticket in enumerate(tickets):
        for name, tensor in alone[index].weights.items():
            torch.testing.assert_close(together[index].weights[name], tensor, rtol=1e-3, atol=1e-4)
        assert all(not alone[index].weights[name][~mask].any() for name, mask in ticket.mask.items())
