"""Checks for the exercises on measured curves and runs, of lessons 4 and 5: what was chosen, on which data, and is it a bound.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

from lthlib.exercises import WrongAnswer


def check_early_stop(at_early_stop: Callable[[list, list, list], tuple[int, float]]) -> None:
    """Lesson 4: `at_early_stop(iterations, validation_loss, test_accuracy)` gives the iteration of the lowest validation loss,
    judged after the run, and the test accuracy there."""
    iterations, nan = [0, 50, 100, 150, 200, 250], float("nan")
    accuracy = [0.1, 0.7, 0.6, 0.8, 0.75, 0.9]
    answer = at_early_stop(list(iterations), [2.3, 0.9, 1.0, 0.5, 0.6, 0.7], list(accuracy))
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: the iteration, and the test accuracy there.")
    _need(answer[0] != 3, "an iteration was asked for, and this is its place in the list: look it up in iterations.")
    _need(answer[0] != 50, "this stops at the first rise of the loss; it falls further later: judge after the whole run.")
    _need(answer[0] != 250, "this iteration has the best test accuracy: choose it by validation loss, test data choose nothing.")
    _need(answer[0] == 150, f"early stop is iteration 150, where the validation loss is lowest, and not {answer[0]}.")
    _need(answer[1] == 0.8, f"test accuracy at iteration 150 is 0.8, not {answer[1]}: take both from one iteration.")
    tied = at_early_stop(list(iterations), [2.3, 0.9, 0.5, 0.6, 0.5, 0.7], list(accuracy))
    _need(tied == (100, 0.6), "two iterations tie for the lowest loss: early stop is the first, where it was first reached.")
    diverged = at_early_stop(list(iterations), [2.3, 0.9, 0.6, nan, nan, nan], list(accuracy))
    _need(diverged == (100, 0.6), "a run that diverges has NaN losses: NaN is lower than nothing, so pass over it.")
    improving = at_early_stop(list(iterations), [2.3, 0.9, 0.6, 0.5, 0.4, 0.3], list(accuracy))
    _need(improving == (250, 0.9), "a run may still be improving at the last iteration: then that is its early stop.")
    print("Right: the lowest validation loss of the whole run, and the test accuracy of that very iteration.")


def check_speedup(times_sooner: Callable[[int, int, int], tuple[float, str]]) -> None:
    """Lesson 4: `times_sooner(ticket, control, last)` gives control's early stop over the ticket's, and what it bounds."""
    answer = times_sooner(400, 1000, 1500)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: the ratio, and one of the four texts.")
    _need(answer[0] == 2.5, "400 against 1,000 iterations is 2.5 times sooner: the control's early stop over the ticket's.")
    _need(answer[1] == "exactly", "both stopped before the last iteration, so the ratio is not a bound: say 'exactly'.")
    _need(
        times_sooner(500, 1500, 1500) == (3.0, "at least"),
        "the control was still improving at the last iteration: its true early stop is later, so the ratio is 'at least' this.",
    )
    _need(
        times_sooner(1500, 750, 1500) == (0.5, "at most"),
        "the ticket was still improving at the last iteration: its true early stop is later, so the ratio is 'at most' this.",
    )
    _need(times_sooner(1500, 1500, 1500)[1] == "unknown", "both were still improving: nothing is known of the ratio, 'unknown'.")
    _need(
        times_sooner(400, 1000, 1000) == (2.5, "at least"),
        "whether an early stop is a bound depends on `last`, the iterations of this run: compare with it.",
    )
    print("Right: a ratio of early stops is only as good as the runs were long.")


def check_fair(fair: Callable[[dict], dict]) -> None:
    """Lesson 5: `fair(runs)` gives for each optimiser the learning rate that is best on validation data in the mean over
    trials, the mean test accuracy there, and whether that rate is at the edge of those tried."""
    nan = float("nan")
    runs = {
        "adam": {
            0.001: {"validation": [0.70, 0.72, 0.71], "test": [0.60, 0.62, 0.61]},
            0.004: {"validation": [0.60, 0.95, 0.50], "test": [0.80, 0.82, 0.81]},
            0.0001: {"validation": [0.50, 0.51, 0.52], "test": [0.50, 0.51, 0.52]},
        },
        "sgd": {
            0.1: {"validation": [0.66, 0.64, 0.65], "test": [0.58, 0.57, 0.59]},
            0.01: {"validation": [0.40, 0.41, 0.42], "test": [0.40, 0.41, 0.42]},
            1.0: {"validation": [nan, nan, nan], "test": [nan, nan, nan]},
            0.5: {"validation": [0.68, 0.69, 0.67], "test": [0.55, 0.56, 0.54]},
            0.2: {"validation": [0.67, 0.60, 0.62], "test": [0.70, 0.71, 0.72]},
        },
        "momentum": {
            0.03: {"validation": [0.74, 0.76, 0.75], "test": [0.63, 0.64, 0.65]},
            0.01: {"validation": [0.60, 0.61, 0.62], "test": [0.60, 0.61, 0.62]},
        },
    }
    answer = fair(runs)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, dict) and set(answer) == set(runs), "return a dictionary with an entry for every optimiser.")
    for name, entry in answer.items():
        _need(isinstance(entry, tuple) and len(entry) == 3, f"{name}: give three things: learning rate, test accuracy, edge.")
    rates = {name: entry[0] for name, entry in answer.items()}
    _need(len(set(rates.values())) > 1, f"all have learning rate {rates['adam']}: each optimiser gets its own best one.")
    _need(
        rates["adam"] != 0.004,
        "adam: 0.004 is best in its luckiest trial, or on test data: take the highest mean validation accuracy.",
    )
    _need(rates["sgd"] != 0.2, "sgd: 0.2 is best on test data alone: test data choose nothing, validation data do.")
    _need(rates["sgd"] != 1.0, "sgd: at 1.0 the runs diverged, and their accuracy is NaN: leave them out.")
    for name, rate in {"adam": 0.001, "sgd": 0.5, "momentum": 0.03}.items():
        _need(rates[name] == rate, f"{name}: the highest mean validation accuracy is at {rate}, not at {rates[name]}.")
        tests = runs[name][rate]["test"]
        mean, given = sum(tests) / len(tests), answer[name][1]
        _need(abs(given - mean) < 1e-9, f"{name}: the mean test accuracy at {rate} is {mean:.3f}, not {given}.")
    _need(not answer["adam"][2], "adam: 0.001 lies between the smallest and the largest rate tried, so it is not at the edge.")
    _need(bool(answer["momentum"][2]), "momentum: 0.03 is the largest rate tried, a larger might be better still: at the edge.")
    _need(not answer["sgd"][2], "sgd: beyond 0.5 a rate was tried, and diverged: 0.5 is not at the edge.")
    print("Right: each at its own best rate, chosen on validation data, and you know where the grid was too small.")


def check_at_density(at_density: Callable[[list, float, float], float]) -> None:
    """Lesson 5: `at_density(accuracies, rate, density)` gives the accuracy of the level that is nearest in density."""
    tenth, half = [0.90 - 0.01 * level for level in range(30)], [0.90, 0.85, 0.80, 0.70]
    answer = at_density(list(tenth), 0.1, 0.25)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(
        answer != tenth[2] or at_density(list(half), 0.5, 0.25) != half[2],
        "two rounds at 0.1 leave 81 % of the weights, at 0.5 they leave 25 %: compare at equal density, not at equal rounds.",
    )
    _need(at_density(list(half), 0.5, 0.25) == half[2], "two rounds at 0.5 leave 25 % of the weights: that level was asked for.")
    _need(answer == tenth[13], "at rate 0.1, 25.4 % remain after 13 rounds, the nearest to 25 %: (1 - rate) ** rounds.")
    _need(at_density(list(half), 0.5, 1.0) == half[0], "level 0 is the dense network: its density is 1.")
    _need(
        at_density(list(half), 0.5, 0.18) == half[2],
        "18 % is 1.39 times less than 25 % and 1.44 times more than 12.5 %: near means a small ratio, as on the figures' axis.",
    )
    print("Right: equal densities, whatever the number of rounds.")


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
