"""Checks for lesson 7's exercises: the learning rates of a level, and a control for what warmup costs."""

import dataclasses

from lthlib.exercises.checking import Answer, exercise, need
from lthlib.settings import Recipe


@exercise(lesson=7, each_call=True)
def check_rates(rates: Answer) -> str:
    """`rates(peak, warmup, epochs, per_epoch, iterations)` lists a level's learning rates."""
    for case in ((0.3, 20, [3, 4], 10, 50), (0.1, 0, [4], 25, 120), (0.1, 30, [], 7, 40)):
        peak, warmup, epochs, per_epoch, iterations = case
        answer = rates(*case)
        why = f"{len(answer)} learning rates for {iterations} iterations: return one for each."
        need(len(answer) == iterations, why)
        problem = "the first step has learning rate 0 and is lost"
        need(answer[0] > 0, f"{problem}: of a warmup over k iterations it takes the share 1/k.")
        milestones = [per_epoch * epoch for epoch in epochs]
        recipe = Recipe("sgd", peak, iterations=iterations, warmup=warmup, milestones=milestones)
        for iteration, rate in enumerate(answer):
            should = recipe.learning_rate_at(iteration)
            setting = f"warmup {warmup}, peak {peak}, milestones after epochs {epochs}, {per_epoch} iterations an epoch"
            problem = f"iteration {iteration} has rate {rate:.3g}, {should:.3g} is right for {setting}"
            need(abs(rate - should) < 1e-6 * peak, f"{problem}: warmup counts iterations, milestones epochs.")
        problem = "called a second time, for the next level, it gives other rates"
        need(list(rates(*case)) == list(answer), f"{problem}: a ticket is trained from the start, warmup and all.")
    return "Right: iterations and epochs are told apart, and every level begins with its own warmup."


@exercise(lesson=7, each_call=True)
def check_same_average(control: Answer) -> str:
    """`control(recipe)` has no warmup, the same learning rate on average, and all else as it was."""
    small = Recipe("sgd", 0.3, momentum=0.9, weight_decay=1e-4, iterations=400, warmup=200, milestones=(260, 340))
    large = {"learning_rate": 0.03, "batch_size": 128, "iterations": 90, "warmup": 70, "milestones": (60,)}
    for recipe in (small, dataclasses.replace(small, **large)):
        answer = control(recipe)
        need(isinstance(answer, Recipe), "return a Recipe: dataclasses.replace(recipe, ...) makes a changed copy.")
        why = f"it still warms up, over {answer.warmup} iterations: the control is to do without."
        need(answer.warmup == 0, why)
        names = {field.name for field in dataclasses.fields(Recipe)} - {"warmup", "learning_rate"}
        others = [name for name in names if getattr(answer, name) != getattr(recipe, name)]
        need(not others, f"{', '.join(others)} changed as well: a control differs in what it is for, alone.")
        mine, should = (sum(map(r.learning_rate_at, range(r.iterations))) / r.iterations for r in (answer, recipe))
        problem = f"its learning rate is {mine:.4g} on average, {should:.4g} with warmup"
        need(abs(mine / should - 1) < 1e-3, f"{problem}: count the milestones in both.")
    return "Right: as much learning rate in all, without the slow start."
