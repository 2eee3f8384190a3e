"""Checks for lesson 4's exercises on learning curves: what was chosen, on which data, and is it a bound."""

from lthlib.exercises.checking import Answer, exercise, need, need_pair


@exercise(lesson=4)
def check_early_stop(at_early_stop: Answer) -> str:
    """`at_early_stop(iterations, validation_loss, test_accuracy)`: early stop, and the accuracy there."""
    iterations, nan = [0, 50, 100, 150, 200, 250], float("nan")
    accuracy = [0.1, 0.7, 0.6, 0.8, 0.75, 0.9]
    answer = at_early_stop(iterations, [2.3, 0.9, 1.0, 0.5, 0.6, 0.7], accuracy)
    need_pair(answer, "return two things: the iteration, and the test accuracy there.")
    stop, there = answer
    need(stop != 3, "an iteration was asked for, and this is its place in the list: look it up in iterations.")
    need(stop != 50, "this stops at the first rise of the loss; it falls further later: judge after the whole run.")
    why = "this iteration has the best test accuracy: choose it by validation loss, test data choose nothing."
    need(stop != 250, why)
    need(stop == 150, f"early stop is iteration 150, where the validation loss is lowest, and not {stop}.")
    need(there == 0.8, f"test accuracy at iteration 150 is 0.8, not {there}: take both from one iteration.")
    tied = at_early_stop(iterations, [2.3, 0.9, 0.5, 0.6, 0.5, 0.7], accuracy)
    why = "two iterations tie for the lowest loss: early stop is the first, where it was first reached."
    need(tied == (100, 0.6), why)
    diverged = at_early_stop(iterations, [2.3, 0.9, 0.6, nan, nan, nan], accuracy)
    need(diverged == (100, 0.6), "a run that diverges has NaN losses: NaN is lower than nothing, so pass over it.")
    improving = at_early_stop(iterations, [2.3, 0.9, 0.6, 0.5, 0.4, 0.3], accuracy)
    need(improving == (250, 0.9), "a run may still be improving at the last iteration: then that is its early stop.")
    return "Right: the lowest validation loss of the whole run, and the test accuracy of that very iteration."


@exercise(lesson=4)
def check_speedup(times_sooner: Answer) -> str:
    """`times_sooner(ticket, control, last)` is the ratio of early stops, and what it bounds."""
    answer = times_sooner(400, 1000, 1500)
    need_pair(answer, "return two things: the ratio, and one of the four texts.")
    why = "400 against 1,000 iterations is 2.5 times sooner: the control's early stop over the ticket's."
    need(answer[0] == 2.5, why)
    why = "both stopped before the last iteration, so the ratio is not a bound: say 'exactly'."
    need(answer[1] == "exactly", why)
    problem = "the control was still improving at the last iteration: its true early stop is later"
    need(times_sooner(500, 1500, 1500) == (3.0, "at least"), f"{problem}, so the ratio is 'at least' this.")
    problem = "the ticket was still improving at the last iteration: its true early stop is later"
    need(times_sooner(1500, 750, 1500) == (0.5, "at most"), f"{problem}, so the ratio is 'at most' this.")
    why = "both were still improving: nothing is known of the ratio, 'unknown'."
    need(times_sooner(1500, 1500, 1500)[1] == "unknown", why)
    why = "whether an early stop is a bound depends on `last`, the iterations of this run: compare with it."
    need(times_sooner(400, 1000, 1000) == (2.5, "at least"), why)
    return "Right: a ratio of early stops is only as good as the runs were long."
