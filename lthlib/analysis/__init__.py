"""From the tidy table to what people read, and what a ticket is: its cost, its layers, its landscape."""

from lthlib.analysis.comparison import (
    compare,
    early_stop_ratio,
    iterations_to_reach,
    margin_of,
    matching,
    over_range,
    pairs,
    reach,
    smallest,
)
from lthlib.analysis.evidence import FEWEST, Evidence, bounds, error_rates, holm, weigh, weigh_ratio
from lthlib.analysis.pooling import overview, pool_seeds, settings_of, with_settings
from lthlib.analysis.provenance import looks, manifest
from lthlib.analysis.sentences import against, against_dense, describe, difference, how_far, sentence
from lthlib.analysis.summary import (
    AS_THEY_ARE,
    LABELS,
    LOWER_IS_BETTER,
    by_trial,
    layers,
    levels,
    nearest_level,
    one_setting,
    scale,
)
from lthlib.storage.networks import MARKS, MEASURES, NETWORK, summarise
