"""The algorithm of the lottery ticket papers: the search, its controls, and its relatives."""

from lthlib.lottery.search import Hunt, hunt, level_keys, results
