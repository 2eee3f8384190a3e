"""Checks for lesson 4's exercises on learning curves: what was chosen, on which data, and is it a bound."""

from lthlib.exercises.checking import Answer, exercise, need, need_pair


@exercise(lesson=4)
def check_early_stop(at_early_stop: Answer) -> str:
    """`at_early_stop(iterations, validation_loss, test_accuracy)`: early stop, and the accuracy there."""
    iterations, nan = [0, 50, 100, 150, 200, 250], float("nan")
    accuracy = [0.1, 0.7, 0.6, 0.8, 0.75, 0.9]
    two = "return two things: the iteration, and the test accuracy there."

    def answer_for(loss: list[float]) -> tuple:
        return need_pair(at_early_stop(iterations, loss, accuracy), two)

    stop, there = answer_for([2.3, 0.9, 1.0, 0.5, 0.6, 0.7])
    need(stop != 3, "an iteration was asked for, and this is its place in the list: look it up in iterations.")
    need(stop != 50, "this stops at the first rise of the loss; it falls further later: judge after the whole run.")
    why = "this iteration has the best test accuracy: choose it by validation loss, test data choose nothing."
    need(stop != 250, why)
    need(stop == 150, f"early stop is iteration 150, where the validation loss is lowest, and not {stop}.")
    need(there == 0.8, f"test accuracy at iteration 150 is 0.8, not {there}: take both from one iteration.")
    tied = answer_for([2.3, 0.9, 0.5, 0.6, 0.5, 0.7])
    why = "two iterations tie for the lowest loss: early stop is the first, where it was first reached."
    need(tied == (100, 0.6), why)
    diverged = answer_for([2.3, 0.9, 0.6, nan, nan, nan])
    need(diverged == (100, 0.6), "a run that diverges has NaN losses: NaN is lower than nothing, so pass over it.")
    improving = answer_for([2.3, 0.9, 0.6, 0.5, 0.4, 0.3])
    need(improving == (250, 0.9), "a run may still be improving at the last iteration: then that is its early stop.")
    return "Right: the lowest validation loss of the whole run, and the test accuracy of that very iteration."


@exercise(lesson=4)
def check_percent_of(percent_of: Answer) -> str:
    """`percent_of(ticket, control, last)` is the ratio of mean early stops in percent, and what it bounds."""

    def answer_for(ticket: list[int], control: list[int], last: int) -> tuple:
        answer = percent_of(ticket, control, last)
        return need_pair(answer, "return two things: the percentage, and one of the four texts.")

    percent, what = answer_for([300, 300], [200, 1000], 1500)
    need(abs(percent - 200) > 1e-9, "this is the control's in percent of the ticket's: it is asked for the other way round.")
    need(abs(percent - 0.5) > 1e-9, "0.5 is the ratio: return it in percent.")
    need(abs(percent - 90) > 1e-9, "90 is the average of the trials' percentages: divide the mean of one by that of the other.")
    why = f"early stops of 300 and 300 against 200 and 1,000 are 300 against 600 on average, so 50 %, not {percent:g}."
    need(abs(percent - 50) < 1e-9, why)
    why = "100, 100 and 700 are 300 on average, half of the control's 600: take means, and not the middle trial."
    need(abs(answer_for([100, 100, 700], [500, 600, 700], 1500)[0] - 50) < 1e-9, why)
    need(what == "exactly", "all stopped before the last iteration, so the percentage is no bound: say 'exactly'.")
    problem = "a control was still improving at the last iteration: its true early stop is later"
    need(_says(answer_for([500, 250], [1500, 1000], 1500), 30, "at most"), f"{problem}, so 30 % is 'at most'.")
    problem = "a ticket was still improving at the last iteration: its true early stop is later"
    need(_says(answer_for([500, 1500], [900, 700], 1500), 125, "at least"), f"{problem}, so 125 % is 'at least'.")
    why = "a ticket and a control were still improving: nothing is known of the percentage, 'unknown'."
    need(answer_for([1500, 500], [800, 1500], 1500)[1] == "unknown", why)
    why = "whether a network was finished depends on `last`, the iterations of this run: compare with it."
    need(_says(answer_for([400, 400], [1000, 600], 1000), 50, "at most"), why)
    return "Right: means first, then the ratio, and it is only as good as the runs were long."


def _says(answer: tuple[float, str], percent: float, what: str) -> bool:
    return abs(answer[0] - percent) < 1e-9 and answer[1] == what
