"""A drawing of what stands behind a ticket: its search, and its training."""

from lthlib.plots.drawings.canvas import BODY, INK, LINES, PALE, PAPER, SMALL, Canvas, Drawing
from lthlib.plots.style import METHODS

RATE, ROUNDS = 0.4, 5
TICKET = METHODS["iterative"].colour
LEFT, UNIT, TALL = 166, 78, 40  # where blocks begin, the length of one training, the height of all weights


def bills() -> Drawing:
    """A row of blocks for each way to a ticket: as long as the iterations, as high as the share of the
    weights that is trained, so that the area is the arithmetic if zeros were free. Five rounds of 40 %;
    early birds are those of You et al. (2020, arXiv 1909.11957), borrowed tickets those of Morcos et al.
    (2019, arXiv 1906.02773)."""
    left = [(1 - RATE) ** level for level in range(ROUNDS + 1)]
    small = (1, left[-1], "ticket")
    rows = [
        ("dense network", [(1, 1, "dense")]),
        ("iterative", [(1, share, "search") for share in left[:-1]] + [small]),
        ("one-shot", [(1, 1, "search"), small]),
        ("short search", [(0.1, share, "search") for share in left[:-1]] + [small]),
        ("early bird", [(0.1, 1, "search"), (0.9, left[-1], "ticket")]),
        ("borrowed", [(1, share, "lent") for share in left[:-1]] + [small]),
    ]
    canvas = Canvas(430)
    looks = {
        "dense": (PALE, LINES, ()),
        "search": ("#D9DEE5", LINES, ()),
        "ticket": (TICKET, TICKET, ()),
        "lent": (PAPER, LINES, (4, 3)),
    }
    for place, (words, blocks) in enumerate(rows):
        ground, x = 72 + 58 * place, LEFT
        canvas.text(LEFT - 16, ground - 16, words, BODY, INK, "end", bold=True)
        for length, share, kind in blocks:
            fill, edge, dashes = looks[kind]
            canvas.box(x, ground - TALL * share, UNIT * length, TALL * share, fill, edge, 0, dashes)
            x += UNIT * length
    lent = ("lent", "search that somebody else made", LEFT + 92)
    keys = [("search", "search", LEFT), lent, ("ticket", "the ticket", LEFT + 344)]
    for kind, words, x in keys:
        fill, edge, dashes = looks[kind]
        canvas.box(x, 386, 20, 13, fill, edge, 0, dashes)
        canvas.note(x + 27, 393, words)
    canvas.text(LEFT, 416, "length: iterations; height: weights that are left", SMALL, anchor="start")
    return canvas.drawing(
        "What stands behind a ticket",
        "Six rows of blocks, as long as the iterations and as high as the share of the weights. Dense "
        "network: one full block. Iterative: five blocks of the search that become lower, then the flat "
        "block of the ticket. One-shot: one full block and the ticket. Short search: five narrow blocks "
        "and the ticket. Early bird: one narrow full block, then the ticket for the rest of the training. "
        "Borrowed: a search that somebody else made, dashed, and the ticket.",
    )
