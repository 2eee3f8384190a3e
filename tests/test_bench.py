from tests.bench import run as bench


def test_benchmarks_give_rows_with_the_promised_fields():
    rows = [bench.store_overhead(1, 5), bench.slider_read(1), bench.mnist1d_100_levels(1, 5)]
    for row in rows:
        assert list(row) == ["name", "ratio", "ours", "other", "unit", "note"]
        assert row["ours"] > 0 and row["other"] > 0 and row["ratio"] > 0
