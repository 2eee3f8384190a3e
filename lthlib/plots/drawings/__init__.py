"""Drawings of the lessons' ideas, as SVG made by code: a function each, which returns a `Drawing`.

    plots.drawings.the_loop()                       # as the last line of a cell: it shows itself
    plots.drawings.the_loop().save("loop.svg")

Their networks, curves and intervals are made up, and those that could be taken for results say so; only
`network_of` draws a network of yours. `canvas` has the sheet, `pieces` what several drawings share.
"""

from lthlib.plots.drawings.algorithm import (
    controls,
    mask_times_weights,
    oneshot_and_iterative,
    rewinding,
    signs,
    the_loop,
)
from lthlib.plots.drawings.canvas import Drawing
from lthlib.plots.drawings.cost import bills
from lthlib.plots.drawings.curves import (
    learning_rate_over_time,
    line_between_two_networks,
    reading_a_density_curve,
    three_measures,
    verdicts,
)
from lthlib.plots.drawings.masks import filters, structured_and_unstructured, supermask, transfer, where_scores_look
from lthlib.plots.drawings.moving import drop_and_grow, roads_to_a_sparse_network
from lthlib.plots.drawings.networks import busiest_units, evenly_spaced, network_of
from lthlib.plots.drawings.noise import fitting_wrong_labels, reading_a_reliability_diagram
from lthlib.plots.drawings.orders import two_orders
from lthlib.plots.drawings.rounds import reset_or_continue, shares_kept, trials_and_redraws
from lthlib.plots.drawings.worlds import one_loop_three_worlds
