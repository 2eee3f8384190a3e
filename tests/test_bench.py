import pytest
import torch

from tests.bench import card
from tests.bench import run as bench


def test_benchmarks_give_rows_with_the_promised_fields():
    rows = [bench.bfloat16_on_cpu(1, 5), *card.rows(bench.row, bench.median_of, 1, 2, torch.device("cpu"))]
    rows += [bench.store_overhead(1, 5), bench.slider_read(1), bench.mnist1d_100_levels(1, 5)]
    for row in rows:
        assert list(row) == ["name", "ratio", "ours", "other", "unit", "note"]
        assert row["ours"] > 0 and row["other"] > 0 and row["ratio"] > 0


@pytest.mark.gpu
@pytest.mark.parametrize("name, least", [("lenet", 40), ("conv2", 5), ("resnet20", 5)])
def test_a_stack_outruns_a_plain_loop_on_a_card(name, least):
    """A benchmark, not a timed test: what it prints is wanted; it fails only where stacking brings nothing at all."""
    found = card.rows(bench.row, bench.median_of, 5, 200, torch.device("cuda"))
    [row] = [row for row in found if row["name"] == f"gpu_vs_loop_{name}"]
    print(f"{row}, wanted: {least}")
    assert row["ratio"] > 1
