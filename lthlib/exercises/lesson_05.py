"""Checks for lesson 5's exercises: optimisers at their own best rates, and levels of equal density."""

from statistics import mean

from lthlib.exercises.checking import Answer, exercise, need, need_tuple, trials_to_choose_from


@exercise(lesson=5)
def check_fair(fair: Answer) -> str:
    """`fair(runs)`: each optimiser's best learning rate, its test accuracy, and whether it is at the edge."""
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
    why = "return a dictionary with an entry for every optimiser."
    need(isinstance(answer, dict) and set(answer) == set(runs), why)
    for name, entry in answer.items():
        answer[name] = need_tuple(entry, 3, f"{name}: give three things: learning rate, test accuracy, edge.")
    rates = {name: entry[0] for name, entry in answer.items()}
    why = f"all have learning rate {rates['adam']}: each optimiser gets its own best one."
    need(len(set(rates.values())) > 1, why)
    problem = "adam: 0.004 is best in its luckiest trial, or on test data"
    need(rates["adam"] != 0.004, f"{problem}: take the highest mean validation accuracy.")
    need(rates["sgd"] != 0.2, "sgd: 0.2 is best on test data alone: test data choose nothing, validation data do.")
    need(rates["sgd"] != 1.0, "sgd: at 1.0 the runs diverged, and their accuracy is NaN: leave them out.")
    for name, rate in {"adam": 0.001, "sgd": 0.5, "momentum": 0.03}.items():
        why = f"{name}: the highest mean validation accuracy is at {rate}, not at {rates[name]}."
        need(rates[name] == rate, why)
        tests = runs[name][rate]["test"]
        expected, test = mean(tests), answer[name][1]
        need(abs(test - expected) < 1e-9, f"{name}: the mean test accuracy at {rate} is {expected:.3f}, not {test}.")
    why = "adam: 0.001 lies between the smallest and the largest rate tried, so it is not at the edge."
    need(not answer["adam"][2], why)
    why = "momentum: 0.03 is the largest rate tried, a larger might be better still: at the edge."
    need(bool(answer["momentum"][2]), why)
    need(not answer["sgd"][2], "sgd: beyond 0.5 a rate was tried, and diverged: 0.5 is not at the edge.")
    for validation in trials_to_choose_from((0.1, 0.2, 0.4)):
        drawn = {rate: {"validation": own, "test": [value**2 for value in own]} for rate, own in validation.items()}
        rate, test = need_tuple(fair({"adam": drawn})["adam"], 3, "give three things for each optimiser.")[:2]
        best = max(validation, key=lambda rate: mean(validation[rate]))
        problem = f"of validation accuracies {validation} the highest mean is at {best}, not at {rate}"
        need(rate == best, f"{problem}: take means over trials, whatever the trials' number or spread.")
        expected = mean(drawn[best]["test"])
        need(abs(test - expected) < 1e-9, f"the mean of the test accuracies {drawn[best]['test']} is {expected:.4f}, not {test}.")
    return "Right: each at its own best rate, chosen on validation data, and you know where the grid was too small."


@exercise(lesson=5)
def check_at_density(at_density: Answer) -> str:
    """`at_density(accuracies, rate, density)` gives the accuracy of the level that is nearest in density."""
    tenth, half = [0.90 - 0.01 * level for level in range(30)], [0.90, 0.85, 0.80, 0.70]
    answer = at_density(tenth, 0.1, 0.25)
    problem = "two rounds at 0.1 leave 81 % of the weights, at 0.5 they leave 25 %"
    advice = "compare at equal density, not at equal rounds"
    need(answer != tenth[2] or at_density(half, 0.5, 0.25) != half[2], f"{problem}: {advice}.")
    why = "two rounds at 0.5 leave 25 % of the weights: that level was asked for."
    need(at_density(half, 0.5, 0.25) == half[2], why)
    why = "at rate 0.1, 25.4 % remain after 13 rounds, the nearest to 25 %: (1 - rate) ** rounds."
    need(answer == tenth[13], why)
    need(at_density(half, 0.5, 1.0) == half[0], "level 0 is the dense network: its density is 1.")
    problem = "18 % is 1.39 times less than 25 % and 1.44 times more than 12.5 %: near means a small ratio"
    need(at_density(half, 0.5, 0.18) == half[2], f"{problem}, as on the figures' axis.")
    return "Right: equal densities, whatever the number of rounds."
