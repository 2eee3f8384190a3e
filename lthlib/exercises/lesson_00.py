"""Checks for lesson 0's exercises: how many rounds lead to a density, and which density is the best."""

import math
from statistics import mean

from lthlib.core.language import mark, say
from lthlib.exercises.checking import Answer, exercise, need, trials_to_choose_from


@exercise(lesson=0, each_call=True)
def check_rounds_needed(rounds_needed: Answer) -> str:
    """`rounds_needed(rate, density)` is the first round that leaves at most the density.

    No case is decided by rounding in the last digit: 0.8 * 0.8 is a little more than 0.64 on a computer, and
    whoever compares the two without a tolerance has understood the exercise all the same."""
    cases = ((0.2, 0.21, 7), (0.2, 0.05, 14), (0.5, 0.25, 2), (0.6, 1.0, 0), (0.9, 0.5, 1), (0.3, 0.01, 13))
    for rate, density, expected in cases:
        rounds = rounds_needed(rate, density)
        linear = math.ceil((1 - density) / rate - 1e-9)
        why = say(
            "{linear} rounds at rate {rate} would reach {density} if each removed that share of all weights; "
            "but it is a share of those that remain, so each round removes fewer.",
            **{"linear": linear, "rate": rate, "density": density},
        )
        need(rounds != linear or linear == expected, why)
        why = say(
            "at rate {rate} the density is at most {density} after {expected} rounds, not {rounds!r}.",
            **{"rate": rate, "density": density, "expected": expected, "rounds": rounds},
        )
        need(rounds == expected, why)
    return say("Right: a density falls as (1 - rate) ** rounds.")


@exercise(lesson=0, each_call=True)
def check_best_density(best_density: Answer) -> str:
    """`best_density(accuracies)` is the density with the highest mean over trials."""
    lucky = {1.0: [0.97, 0.97, 0.97], 0.5: [0.99, 0.9, 0.95], 0.2: [0.98, 0.98, 0.97]}
    skewed = {1.0: [0.9, 0.91, 0.92], 0.5: [0.7, 0.95, 0.95]}
    cases = (
        (lucky, 0.5, mark("a single lucky trial")),
        ({1.0: [0.5, 0.5], 0.3: [0.4, 0.45]}, 0.3, mark("the smallest density")),
        ({1.0: [0.9], 0.5: [0.8, 0.8, 0.8]}, 0.5, mark("a sum, which grows with the number of trials,")),
        (skewed, 0.5, mark("a median, which does not see how bad the worst trial is,")),
        *((accuracies, None, "") for accuracies in trials_to_choose_from((1.0, 0.5, 0.2, 0.1))),
    )
    for accuracies, tempting, reason in cases:
        answer, expected = best_density(accuracies), max(accuracies, key=lambda density: mean(accuracies[density]))
        given = {"accuracies": accuracies, "tempting": tempting, "reason": say(reason)}
        why = say("of {accuracies} you chose {tempting}: {reason} decided; compare means over trials.", **given)
        need(answer != tempting, why)
        given = {"accuracies": accuracies, "expected": expected, "answer": answer}
        need(answer == expected, say("of {accuracies} the highest mean is at {expected}, not {answer!r}.", **given))
    return say("Right: the mean over trials decides.")
