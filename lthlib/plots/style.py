"""How each method looks in every figure: colour, dashes and marker.

Colours are Okabe and Ito's (darkened where they were faint on white). A control that keeps the ticket's signs has the colour of
the one that does not, under longer dashes.
"""

COLOURS = {
    "iterative": "#0072B2",
    "oneshot": "#7A5200",
    "reinit": "#D55E00",
    "shuffle": "#007F5C",
    "random": "#B8578F",
    "continued": "#56B4E9",
    "reset": "#0072B2",
    "dense": "#000000",
    "untrained": "#B07600",
    "transferred": "#007F5C",
    "finetuned": "#56B4E9",
    "invert": "#777777",
    "fork": "#56B4E9",
    "reinit_signs": "#D55E00",
    "reshuffle": "#007F5C",
    "reshuffle_signs": "#007F5C",
    "constant": "#B07600",
    "constant_signs": "#B07600",
    "frozen": "#B8578F",
    "frozen_away": "#B8578F",
}
DASHES = {
    "iterative": "",
    "oneshot": (4, 1.5),
    "reinit": (1, 1),
    "shuffle": (3, 1.25, 1.5, 1.25),
    "random": (5, 1, 1, 1),
    "continued": (6, 2),
    "reset": (2, 2),
    "dense": "",
    "untrained": (2, 1, 5, 1),
    "transferred": (2, 1, 5, 1),
    "finetuned": (1, 2),
    "invert": (1, 2),
    "fork": (2, 1, 5, 1),
    "reinit_signs": (6, 2),
    "reshuffle": (1, 1),
    "reshuffle_signs": (6, 2),
    "constant": (1, 1),
    "constant_signs": (6, 2),
    "frozen": (1, 1),
    "frozen_away": (6, 2),
}
MARKERS = {
    "iterative": "o",
    "oneshot": "s",
    "reinit": "X",
    "shuffle": "^",
    "random": "D",
    "continued": "v",
    "reset": "s",
    "dense": "P",
    "untrained": "p",
    "transferred": "H",
    "finetuned": "<",
    "invert": "d",
    "fork": ">",
    "reinit_signs": "P",
    "reshuffle": "v",
    "reshuffle_signs": "<",
    "constant": "d",
    "constant_signs": "p",
    "frozen": "h",
    "frozen_away": "*",
}
SERIES = ["#0072B2", "#D55E00", "#007F5C", "#B8578F", "#B07600", "#56B4E9", "#000000"]  # for what has no name above
SERIES_DASHES = ["", (4, 1.5), (1, 1), (3, 1.25, 1.5, 1.25), (5, 1, 1, 1), (6, 2), (2, 2)]
SERIES_MARKERS = ["o", "s", "X", "^", "D", "P", "v"]
VERDICTS = {
    "winning": ("#0072B2", "o"),
    "matching": ("#B07600", "s"),
    "neither": ("#D55E00", "X"),
    "cannot tell": ("#777777", "D"),
}
WORDS = "#333333"  # of notes inside a figure: 12.6 to 1 on white
