import pytest
import torch

import lthlib
from lthlib import lottery
from lthlib.lottery.controls import Place
from lthlib.storage.store import TICKET, Key, Store
from tests.bench import card, instability, sparse
from tests.bench import run as bench


def test_benchmarks_give_rows_with_the_promised_fields():
    rows = [bench.bfloat16_on_cpu(1, 5), *card.rows(bench.row, bench.median_of, 1, 2, torch.device("cpu"))]
    rows += [bench.store_overhead(1, 5), bench.slider_read(1), bench.mnist1d_100_levels(1, 5)]
    rows += sparse.steps(bench.row, bench.median_of, bench.seconds, bench.mnist_like(), 1, 5)
    rows += sparse.moving(bench.row, bench.median_of, bench.seconds, bench.mnist_like(), 1, 4)
    rows += sparse.convolution(bench.row, bench.median_of, bench.seconds, 1, 5)
    for row in rows:
        assert list(row) == ["name", "ratio", "ours", "other", "unit", "note"]
        assert row["ours"] > 0 and row["other"] > 0 and row["ratio"] > 0


SHORT = {"levels": 1, "rate": 0.5, "iterations": 30, "evaluate_every": 15}
SHORT |= {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9}


def test_a_run_that_keeps_its_optimiser_and_its_order_is_the_run_itself(own_task, tmp_path):
    table = lthlib.hunt(own_task, rewind=10, trials=1, results=tmp_path, device="cpu", **SHORT)
    store = Store(tmp_path)
    hunt = lottery.Hunt(own_task, store.find(f"{own_task.name}/{table.setting.iloc[0]}"), own_task.build(), store)
    dense, recipe = Place(hunt, Key(TICKET, 0, 0), hunt.next_mask(0, 0)).ticket(), hunt.setting.recipe
    same, other = (instability.switched(own_task, dense, recipe, 10, order) for order in (dense.order_seed, 7))
    run = hunt.weights(Key(TICKET, 0, 0))
    assert all(torch.equal(same[name], run[name]) for name in run)
    assert instability.distance(run, same) == 0 < instability.distance(run, other)


def test_the_pairs_of_decision_10_are_measured(own_task, tmp_path):
    rows = instability.measured(own_task, [0, 10], 1, 3, str(tmp_path), **SHORT)
    dense = ["restarted, same order", "dense run and fork", "optimiser kept", "two forks"]
    assert rows.pair.tolist() == ["two forks", "ticket and fork", *dense, "ticket and fork"]
    assert (rows.distance > 0).all() and (rows.instability >= 0).all()
    assert instability.spans(rows).stable.str.fullmatch("[01] of 1").all()


@pytest.mark.gpu
@pytest.mark.parametrize("name, least", [("lenet", 40), ("conv2", 5), ("resnet20", 5)])
def test_a_stack_outruns_a_plain_loop_on_a_card(name, least):
    """A benchmark, not a timed test: what it prints is wanted; it fails only where stacking brings nothing at all."""
    found = card.rows(bench.row, bench.median_of, 5, 200, torch.device("cuda"))
    [row] = [row for row in found if row["name"] == f"gpu_vs_loop_{name}"]
    print(f"{row}, wanted: {least}")
    assert row["ratio"] > 1
