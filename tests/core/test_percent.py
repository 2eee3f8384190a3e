import pytest

from lthlib.core.percent import percent, rounded


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.211, 1, "21.1 %"),
        (1.0, 1, "100.0 %"),
        (0.0, 1, "0.0 %"),
        (0.0018, 1, "0.2 %"),
        (0.00018, 1, "0.018 %"),
        (0.0000018, 1, "0.00018 %"),
        (0.51234, 2, "51.23 %"),
        (0.00018, 2, "0.018 %"),
    ],
)
def test_usual_shares_have_their_decimals_and_small_ones_two_digits(share, digits, text):
    assert percent(share, digits) == text


def test_shares_that_are_shown_with_four_decimals():
    assert [rounded(share, 4) for share in (0.8, 0.0687, 0.00018)] == ["0.8000", "0.0687", "0.00018"]
