"""Networks before their training: against torch alone, against what a hunt notes at iteration 0, and against what must be so."""

import dataclasses

import pytest
import torch
from torch import nn

import lthlib
from lthlib import analysis, tasks
from lthlib.core.errors import LotteryError
from lthlib.lottery import heuristic_supermasks, search
from lthlib.lottery.controls import CONTROLS, check_controls
from lthlib.storage import store

SMALL = {"iterations": 40, "levels": 2, "rate": 0.5, "trials": 2, "evaluate_every": 10, "device": "cpu", "progress": False}
NETWORK = ["method", "trial", "redraw", "level"]


def accuracies(table, split):
    rows = table[(table.split == split) & (table.iteration == 0)]
    return rows.set_index(NETWORK)[["loss", "accuracy"]].sort_index()


def margin(outputs, targets):
    """An objective of one's own: the multi-class margin loss, and whether the target's output is above zero."""
    found = nn.functional.multi_margin_loss(outputs, targets, reduction="none")
    return found, (outputs.gather(1, targets[:, None])[:, 0] > 0).float()


@pytest.mark.parametrize("objective", [None, margin])
def test_it_is_what_a_hunt_measures_at_iteration_0(own_task, objective):
    if objective:
        own_task = dataclasses.replace(own_task, name="blobs-margin", objective=objective)
    names = [name for name in check_controls(",".join(CONTROLS)) if name not in heuristic_supermasks.ALIKE]
    brief = {**SMALL, "iterations": 10, "levels": 1}
    hunted = lthlib.hunt(own_task, controls=names, redraws=2, score="same_sign", **brief)
    measured = heuristic_supermasks.measure(own_task, controls=names, redraws=2, score="same_sign", **brief)
    noted, found = accuracies(hunted, "validation"), accuracies(measured, "validation")
    assert len(noted) == 2 * 2 + 2 * 2 * len(names) and noted.index.equals(found.index)
    assert torch.allclose(*(torch.tensor(table.to_numpy()) for table in (noted, found)), atol=1e-6)
    same = measured[["setting", "density"]].drop_duplicates().round(9)
    assert set(map(tuple, same.values)) == set(map(tuple, hunted[["setting", "density"]].drop_duplicates().round(9).values))


def test_it_is_what_torch_alone_computes(own_task):
    measured = heuristic_supermasks.measure(own_task, controls="constant_signs", **SMALL)
    setting, _ = tasks.resolve(own_task, "quick", **{k: v for k, v in SMALL.items() if k not in ("device", "progress")})
    shelf = store.Store(None)
    theta = shelf.load(setting, store.Key(store.TICKET, 1, 0)).start
    mask = shelf.load(setting, store.Key(store.TICKET, 1, 2)).mask
    kinds = {"iterative": lambda w: w, "constant_signs": lambda w: torch.where(w > 0, 1.0, -1.0) * w.std(unbiased=False)}
    for method, kind in kinds.items():
        network = own_task.build()
        network.load_state_dict({n: kind(w) * mask[n] if n in mask else w for n, w in theta.items()})
        for name in heuristic_supermasks.SPLITS:
            split = getattr(own_task.dataset, name)
            outputs = network.eval()(split.inputs).detach()
            loss, right = nn.functional.cross_entropy(outputs, split.targets), (outputs.argmax(1) == split.targets).float().mean()
            row = accuracies(measured, name).loc[method, 1, 0, 2]
            assert row.loss == pytest.approx(float(loss), abs=1e-5) and row.accuracy == pytest.approx(float(right))


def test_masked_weights_that_stay_are_the_network_without_a_mask(own_task):
    summary = lthlib.summarise(heuristic_supermasks.measure(own_task, controls="frozen", **SMALL))
    bare = summary[summary.level == 0].set_index("trial").test_accuracy
    frozen = summary[summary.method == "frozen"]
    assert len(frozen) == 4 and (frozen.test_accuracy == frozen.trial.map(bare)).all()
    tickets = summary[(summary.method == "iterative") & (summary.level > 0)]
    assert not (tickets.test_accuracy == tickets.trial.map(bare)).all(), "a mask does change the outputs"


def test_the_table_is_as_tidy_as_a_hunts(own_task):
    measured = heuristic_supermasks.measure(own_task, controls="shuffle", **SMALL)
    assert tuple(measured.columns) == store.COLUMNS
    assert (
        set(measured.iteration) == {0}
        and set(measured.seconds) == {0.0}
        and set(measured.split) == set(heuristic_supermasks.SPLITS)
    )
    assert analysis.compare(measured, "shuffle").trials.tolist() == [2, 2]
    assert lthlib.levels(measured).columns.tolist() == ["weights remaining (%)", "iterative", "shuffle"]


def test_it_trains_tickets_once_and_no_control(own_task, monkeypatch):
    trained = []
    train = search.engine.train
    monkeypatch.setattr(search.engine, "train", lambda tickets, *a, **k: trained.extend(tickets) or train(tickets, *a, **k))
    first = heuristic_supermasks.measure(own_task, controls="constant", **SMALL)
    assert len(trained) == 2 * 3
    assert heuristic_supermasks.measure(own_task, controls="constant", **SMALL).equals(first) and len(trained) == 2 * 3


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"controls": "dense"}, "'dense' is the ticket itself"),
        ({"controls": "shuffle,fork"}, "'fork' is the ticket itself"),
        ({"controls": "constnat"}, "did you mean 'constant'"),
        ({"rewind": 10}, "iteration 10"),
        ({"schedule": "continued"}, "'continued'"),
        ({"rate": 2}, "rate is 2"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_what_it_refuses_before_anything_is_trained(own_task, chosen, says, monkeypatch):
    monkeypatch.setattr(search.engine, "train", lambda *_, **__: pytest.fail("something was trained"))
    with pytest.raises(LotteryError, match=says):
        heuristic_supermasks.measure(own_task, **{**SMALL, **chosen})


def test_the_callers_random_numbers_are_left_alone(own_task):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    heuristic_supermasks.measure(own_task, **SMALL)
    assert torch.equal(torch.rand(1), expected)
