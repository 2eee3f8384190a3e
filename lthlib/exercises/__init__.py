"""Checks for the exercises of the lessons.

Each takes the reader's function, tries properties that a right answer must have on drawn examples, and raises WrongAnswer
with one sentence that helps. A function that still returns None counts as not tried.
"""

import dataclasses
import math
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor

from lthlib.settings import Recipe


class WrongAnswer(AssertionError):
    """One sentence on what is not right yet."""


def check_rounds_needed(rounds_needed: Callable[[float, float], int]) -> None:
    """Lesson 0: `rounds_needed(rate, density)` is the first round after which (1 - rate) ** rounds is at most the density."""
    cases = ((0.2, 0.21, 7), (0.2, 0.05, 14), (0.5, 0.25, 2), (0.2, 0.64, 2), (0.6, 1.0, 0), (0.9, 0.5, 1))
    for rate, density, expected in cases:
        rounds = rounds_needed(rate, density)
        if rounds is None:
            return print("Exercise not tried yet: the function returns None.")
        linear = math.ceil((1 - density) / rate - 1e-9)
        _need(
            rounds != linear or linear == expected,
            f"{linear} rounds at rate {rate} would reach {density} if each removed that share of all weights; but it is a share "
            "of those that remain, so each round removes fewer.",
        )
        _need(rounds == expected, f"at rate {rate} the density is at most {density} after {expected} rounds, not {rounds!r}.")
    print("Right: a density falls as (1 - rate) ** rounds.")


def check_best_density(best_density: Callable[[dict[float, list[float]]], float]) -> None:
    """Lesson 0: `best_density(accuracies)` is the density with the highest mean over trials."""
    cases = (
        ({1.0: [0.97, 0.97, 0.97], 0.5: [0.99, 0.9, 0.95], 0.2: [0.98, 0.98, 0.97]}, 0.2, 0.5, "a single lucky trial"),
        ({1.0: [0.5, 0.5], 0.3: [0.4, 0.45]}, 1.0, 0.3, "the smallest density"),
        ({1.0: [0.9], 0.5: [0.8, 0.8, 0.8]}, 1.0, 0.5, "a sum, which grows with the number of trials,"),
    )
    for accuracies, expected, tempting, why in cases:
        answer = best_density(accuracies)
        if answer is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(answer != tempting, f"of {accuracies} you chose {tempting}: {why} decided; compare means over trials.")
        _need(answer == expected, f"of {accuracies} the highest mean is at {expected}, not {answer!r}.")
    print("Right: the mean over trials decides.")


def check_prune(prune_layer: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Lesson 1: `prune_layer(weight, mask, rate)` removes exactly round(rate * survivors), the smallest in size."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(7, 9, generator=generator)
    mask = torch.rand(7, 9, generator=generator) < 0.7
    weight[~mask] = 0.0
    for rate in (0.2, 0.5):
        before = mask.clone()
        pruned = prune_layer(weight.clone(), mask, rate)
        if pruned is None:
            return print("Exercise not tried yet: the function returns None.")
        survivors, expected = int(mask.sum()), round(rate * int(mask.sum()))
        _need(torch.equal(mask, before), "the mask that was passed in has changed: work on a copy, mask.clone().")
        _need(
            isinstance(pruned, Tensor) and pruned.shape == mask.shape and bool(((pruned == 0) | (pruned == 1)).all()),
            "return a mask of the same shape that holds only True and False.",
        )
        pruned = pruned.bool()
        _need(not bool((pruned & ~mask).any()), "a weight that was pruned before is back: a mask only ever loses weights.")
        removed = survivors - int(pruned.sum())
        _need(
            removed == expected,
            f"{removed} of {survivors} surviving weights went at rate {rate}, {expected} should: the rate is a share of the "
            "survivors, and weights pruned before (now zero) do not count.",
        )
        smallest_kept, largest_gone = weight[pruned].abs().min(), weight[mask & ~pruned].abs().max()
        _need(bool(largest_gone <= smallest_kept), "a larger weight went before a smaller one: compare absolute values.")
    removed = int(20 - prune_layer(torch.ones(4, 5), torch.ones(4, 5, dtype=torch.bool), 0.25).sum())
    _need(
        removed == 5,
        f"of 20 equal weights {removed} went at rate 0.25, 5 should: a threshold takes all that tie, so count instead.",
    )
    print("Right: exactly the share asked for, by absolute value, also where weights tie.")


def check_freeze(keep_pruned: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Lesson 1: `keep_pruned(weight, step, mask)` returns the weight after a step, with only pruned weights held at zero."""
    weight = torch.tensor([0.5, -0.5, 0.0, 0.0, 1e-9])
    step = torch.full((5,), 0.25)
    mask = torch.tensor([True, True, True, False, True])
    after = keep_pruned(weight.clone(), step.clone(), mask.clone())
    if after is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(after[3] == 0, "the pruned weight has moved: it must be exactly zero after the step.")
    _need(after[1] == -0.25, "a negative weight was frozen: ask the mask, not the value, whether a weight is pruned.")
    _need(after[2] == 0.25 and after[4] > 0.2, "a surviving weight that happens to be (nearly) zero was frozen: ask the mask.")
    _need(after[0] == 0.75, "a surviving weight did not take its step.")
    print("Right: pruned weights stay at zero, and every other weight learns.")


def check_control(control: Callable[[dict, dict, int], tuple[dict, dict]]) -> None:
    """Lesson 1: `control(theta_0, mask, seed)` keeps weights and layer counts, and changes which are kept."""
    generator = torch.Generator().manual_seed(2)
    theta_0 = {name: torch.randn(30, 20, generator=generator) for name in ("fc1.weight", "fc2.weight")}
    mask = {
        "fc1.weight": torch.rand(30, 20, generator=generator) < 0.2,
        "fc2.weight": torch.rand(30, 20, generator=generator) < 0.6,
    }
    answer = control(_copy(theta_0), _copy(mask), 0)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    weights, drawn = answer
    for name in mask:
        _need(
            torch.equal(weights[name], theta_0[name]),
            f"{name}: the weights have changed; return theta_0 as it is, unmasked.",
        )
        kept, should = int(drawn[name].sum()), int(mask[name].sum())
        _need(
            kept == should,
            f"{name} keeps {kept} weights and the ticket {should}: change which are kept, not how many in a layer.",
        )
        _need(
            not torch.equal(drawn[name].bool(), mask[name]),
            f"{name}: this is the ticket's own mask, so nothing is controlled for.",
        )
    again = control(_copy(theta_0), _copy(mask), 0)[1]
    _need(torch.equal(again["fc1.weight"], drawn["fc1.weight"]), "seed 0 gave two different masks: draw from the seed alone.")
    other = control(_copy(theta_0), _copy(mask), 1)[1]
    _need(
        not torch.equal(other["fc1.weight"], drawn["fc1.weight"]), "seed 1 gives the same mask as seed 0: draw it from the seed."
    )
    print("Right: the same weights, as many in every layer, but which ones is left to chance.")


def check_one_shot(one_shot: Callable[[dict, dict, int], dict]) -> None:
    """Lesson 2: `one_shot(trained, rates, rounds)` keeps in each layer what so many rounds keep, the largest in size."""
    generator = torch.Generator().manual_seed(3)
    trained = {"fc1.weight": torch.randn(25, 20, generator=generator), "output.weight": torch.randn(10, 15, generator=generator)}
    rates = {"fc1.weight": 0.2, "output.weight": 0.1}
    before = None
    for rounds in (1, 3, 8):
        mask = one_shot(_copy(trained), dict(rates), rounds)
        if mask is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(isinstance(mask, dict) and set(mask) == set(trained), "return a dictionary with a mask for every layer.")
        for name, weight in trained.items():
            _need_mask(mask[name], weight)
            kept, should = int(mask[name].sum()), round((1 - rates[name]) ** rounds * weight.numel())
            _need(
                abs(kept - should) <= 1,
                f"{name} keeps {kept} of {weight.numel()} weights for {rounds} rounds at rate {rates[name]}, {should} should "
                "remain: shares kept multiply, each layer's own.",
            )
            kept_sizes, gone_sizes = weight[mask[name].bool()].abs(), weight[~mask[name].bool()].abs()
            _need(bool(gone_sizes.max() <= kept_sizes.min()), f"{name}: a larger weight went before a smaller one.")
            inside = before is None or not bool((mask[name].bool() & ~before[name]).any())
            _need(inside, f"{name}: the mask for {rounds} rounds holds a weight that is not in the mask for fewer.")
        before = {name: kept.bool() for name, kept in mask.items()}
    tied = one_shot({"fc1.weight": torch.ones(10, 10)}, {"fc1.weight": 0.2}, 2)["fc1.weight"]
    _need(
        int(tied.sum()) == 64,
        f"of 100 equal weights {int(tied.sum())} remain after two rounds at 0.2, 64 should: a threshold takes all that tie.",
    )
    print("Right: as many weights in every layer as after the rounds, chosen once.")


def check_next_ticket(next_ticket: Callable[[dict, dict, dict, float], tuple[dict, dict]]) -> None:
    """Lesson 2: `next_ticket(theta_0, trained, mask, rate)` prunes survivors by their trained size, and resets them."""
    generator = torch.Generator().manual_seed(4)
    theta_0 = {name: torch.randn(20, 15, generator=generator) for name in ("fc1.weight", "fc2.weight")}
    mask = {name: torch.rand(20, 15, generator=generator) < 0.6 for name in theta_0}
    trained = {name: torch.randn(20, 15, generator=generator) * mask[name] for name in theta_0}
    answer = next_ticket(_copy(theta_0), _copy(trained), _copy(mask), 0.2)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: the ticket's weights and its mask.")
    ticket, pruned = answer
    for name, kept in mask.items():
        _need_mask(pruned[name], kept)
        drawn = pruned[name].bool()
        _need(not bool((drawn & ~kept).any()), f"{name}: a weight that was pruned before is back in the mask.")
        survivors, should = int(kept.sum()), int(kept.sum()) - round(0.2 * int(kept.sum()))
        _need(
            int(drawn.sum()) == should,
            f"{name} goes from {survivors} weights to {int(drawn.sum())} at rate 0.2, {should} should remain: the rate is a "
            "share of the survivors.",
        )
        sizes = trained[name].abs()
        _need(
            bool(sizes[kept & ~drawn].max() <= sizes[drawn].min()),
            f"{name}: which weights go was not decided by their size after training.",
        )
        _need(
            torch.equal(ticket[name] * drawn, theta_0[name] * drawn),
            f"{name}: the ticket's weights are not those of theta_0: reset what is left.",
        )
    print("Right: a share of the survivors, by trained size, and back to theta_0.")


def check_verdict(verdict: Callable[[list[float], list[float]], str]) -> None:
    """Lesson 8: `verdict(points, iterations)` says winning, matching or neither by the intervals of the differences."""
    better, level, worse = [0.9, 1.1, 1.0, 1.2], [-0.6, 0.5, 0.3, -0.4], [-1.0, -1.2, -0.9, -1.1]
    sooner, same, later = [-300, -250, -280, -310], [50, -60, 20, -30], [200, 260, 240, 210]
    if verdict(better, sooner) is None:
        return print("Exercise not tried yet: the function returns None.")
    for points, iterations, answer, why in [
        (better, sooner, "winning", "it is more accurate and sooner"),
        (level, same, "winning", "nothing here tells it from dense, and being no worse is enough"),
        ([-0.3, 0.2, -0.2, 0.1], same, "winning", "a mean below zero is no loss while the interval reaches across zero"),
        (level, later, "matching", "it is as accurate, and surely later"),
        (worse, same, "neither", "it is surely less accurate"),
        (worse, sooner, "neither", "it is surely less accurate, and being sooner does not make up for that"),
        (better, [150, -100, 120, 90], "winning", "a mean above zero is not later while the interval reaches across zero"),
    ]:
        found = verdict(list(points), list(iterations))
        _need(found == answer, f"points {points} and iterations {iterations} are {answer!r}, not {found!r}: {why}.")
    print("Right: accuracy first, then speed, and both by what the trials can tell.")


def check_quoted(quoted: Callable[[list[float], list[str]], float | None]) -> None:
    """Lesson 8: `quoted(densities, verdicts)` is the smallest density of the unbroken run of wins from the top, or None."""
    densities = [0.8, 0.64, 0.51, 0.41, 0.33]
    win, match, fail = "winning", "matching", "neither"
    if quoted(densities, [win] * 5) is None:
        return print("Exercise not tried yet: the function returns None.")
    for verdicts, answer, why in [
        ([win] * 5, 0.33, "it wins everywhere"),
        ([win, win, fail, fail, win], 0.64, "the last win comes after losses, so it is the luckiest of many"),
        ([win, match, win, fail, fail], 0.8, "matching is not winning, so the run ends there"),
        ([fail, win, win, win, win], None, "the first level already fails"),
        ([fail] * 5, None, "nothing wins, which is a result and no error"),
    ]:
        found = quoted(list(densities), list(verdicts))
        _need(found == answer, f"{verdicts} is {answer}, not {found}: {why}.")
    print("Right: a smallest density is only worth what lies above it.")


def check_rates(rates: Callable[[float, int, list[int], int, int], list[float]]) -> None:
    """Lesson 7: `rates(peak, warmup, epochs, per_epoch, iterations)` lists the learning rates of one level's training."""
    for peak, warmup, epochs, per_epoch, iterations in ((0.3, 20, [3, 4], 10, 50), (0.1, 0, [4], 25, 120), (0.1, 30, [], 7, 40)):
        found = rates(peak, warmup, list(epochs), per_epoch, iterations)
        if found is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(len(found) == iterations, f"{len(found)} learning rates for {iterations} iterations: return one for each.")
        _need(
            found[0] > 0, "the first step has learning rate 0 and is lost: of a warmup over k iterations it takes the share 1/k."
        )
        recipe = Recipe("sgd", peak, iterations=iterations, warmup=warmup, milestones=[per_epoch * epoch for epoch in epochs])
        for iteration, rate in enumerate(found):
            should = recipe.learning_rate_at(iteration)
            _need(
                abs(rate - should) < 1e-6 * peak,
                f"iteration {iteration} has rate {rate:.3g}, {should:.3g} is right for warmup {warmup}, peak {peak}, milestones "
                f"after epochs {epochs}, {per_epoch} iterations an epoch: warmup counts iterations, milestones epochs.",
            )
        _need(
            list(rates(peak, warmup, list(epochs), per_epoch, iterations)) == list(found),
            "called a second time, for the next level, it gives other rates: a ticket is trained from the start, warmup and all.",
        )
    print("Right: iterations and epochs are told apart, and every level begins with its own warmup.")


def check_same_average(control: Callable[[Recipe], Recipe]) -> None:
    """Lesson 7: `control(recipe)` has no warmup, the same learning rate on average, and all else as it was."""
    small = Recipe("sgd", 0.3, momentum=0.9, weight_decay=1e-4, iterations=400, warmup=200, milestones=(260, 340))
    for recipe in (
        small,
        dataclasses.replace(small, learning_rate=0.03, batch_size=128, iterations=90, warmup=70, milestones=(60,)),
    ):
        answer = control(recipe)
        if answer is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(isinstance(answer, Recipe), "return a Recipe: dataclasses.replace(recipe, ...) makes a changed copy.")
        _need(answer.warmup == 0, f"it still warms up, over {answer.warmup} iterations: the control is to do without.")
        changed = [
            field.name for field in dataclasses.fields(Recipe) if getattr(answer, field.name) != getattr(recipe, field.name)
        ]
        others = [name for name in changed if name not in ("warmup", "learning_rate")]
        _need(not others, f"{', '.join(others)} changed as well: a control differs in what it is for, alone.")
        mine, should = (sum(map(of.learning_rate_at, range(of.iterations))) / of.iterations for of in (answer, recipe))
        _need(
            abs(mine / should - 1) < 1e-3,
            f"its learning rate is {mine:.4g} on average, {should:.4g} with warmup: count the milestones in both.",
        )
    print("Right: as much learning rate in all, without the slow start.")


def check_fast_share(fast_share: Callable[[float, float, float, int], float]) -> None:
    """Lesson 6: `fast_share(density, slow, fast, rounds)` is the share of the weights that were pruned at the rate `fast`."""
    answer = fast_share(0.8, 0.1, 0.3, 1)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(
        abs(answer - 0.5) < 1e-9,
        f"half of the weights at rate 0.3 and half at 0.1 leave 80 % after one round: the share is 0.5, not {answer}.",
    )
    for share, slow, fast, rounds in [(0.25, 0.15, 0.2, 7), (0.0, 0.1, 0.2, 3), (1.0, 0.1, 0.2, 12), (0.6, 0.2, 0.5, 4)]:
        density = share * (1 - fast) ** rounds + (1 - share) * (1 - slow) ** rounds
        found = fast_share(density, slow, fast, rounds)
        _need(
            abs(found - share) < 1e-6,
            f"a share of {share} at rate {fast} and the rest at {slow} leaves {100 * density:.2f} % after {rounds} rounds; you "
            f"say {found:.4f}: shares that are kept multiply from round to round, in each group by itself.",
        )
    print("Right: one density, and two rates, give the share of the weights behind it.")


def check_prune_globally(prune_globally: Callable[[dict, dict, float, int], dict]) -> None:
    """Lesson 6: `prune_globally(weights, mask, rate, least)` takes exactly a share of all survivors, and empties no layer."""
    generator = torch.Generator().manual_seed(6)
    sizes = {"convs.0.weight": (6, 1, 3, 3), "fcs.0.weight": (20, 24), "output.weight": (10, 20)}
    weights = {name: torch.randn(shape, generator=generator) for name, shape in sizes.items()}
    weights["convs.0.weight"] *= 1e-4  # a layer of small weights
    mask = {name: torch.rand(shape, generator=generator) < 0.7 for name, shape in sizes.items()}
    weights = {name: weight * mask[name] for name, weight in weights.items()}
    answer = prune_globally(_copy(weights), _copy(mask), 0.5, 5)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, dict) and set(answer) == set(mask), "return a dictionary with a mask for every layer.")
    for name, kept in mask.items():
        _need_mask(answer[name], kept)
        _need(not bool((answer[name].bool() & ~kept).any()), f"{name}: a weight that was pruned before is back in the mask.")
        left = int(answer[name].sum())
        _need(left >= 5, f"{name} keeps {left} weights of at least 5: nothing gets through a network with an empty layer.")
    survivors, left = (sum(int(kept.sum()) for kept in each.values()) for each in (mask, answer))
    should = survivors - round(0.5 * survivors)
    _need(
        left == should,
        f"of {survivors} survivors {left} remain at rate 0.5, {should} should: the rate is a share of the survivors of all "
        "layers, and what one layer is spared the others must give.",
    )
    _spared_are_largest(weights, mask, {name: kept.bool() for name, kept in answer.items()}, 5)
    equal = {name: torch.ones(10, 10) for name in ("convs.0.weight", "output.weight")}
    left = sum(int(k.sum()) for k in prune_globally(equal, {n: w.bool() for n, w in equal.items()}, 0.25, 1).values())
    _need(left == 150, f"of 200 equal weights {left} remain at rate 0.25, 150 should: a threshold takes all that tie.")
    print("Right: one competition for all layers, the right number gone, and no layer emptied.")


def _spared_are_largest(weights: dict, mask: dict, left: dict, least: int) -> None:
    """Whatever went is smaller than whatever stayed, but for the `least` weights that a layer is spared."""
    gone = max(float(weights[name][kept & ~left[name]].abs().max()) for name, kept in mask.items() if (kept & ~left[name]).any())
    for name in mask:
        stayed, lost = weights[name][left[name]].abs(), weights[name][mask[name] & ~left[name]].abs()
        inside = not len(lost) or lost.max() <= stayed.min()
        _need(bool(inside), f"{name}: a larger weight went before a smaller one of its layer: compare absolute values.")
        if len(stayed) > least:
            _need(
                float(stayed.min()) >= gone,
                f"{name} keeps a weight that is smaller than one that went elsewhere: all layers compete in one pool.",
            )


def check_evidence(evidence: Callable) -> None:
    """Lesson 3: `evidence(differences)` returns the mean over trials' means, and the number of trials."""
    even = pd.DataFrame({"trial": [0, 0, 1, 1, 2, 2], "redraw": [0, 1] * 3, "points": [1.0, 3.0, 0.0, 2.0, 4.0, 8.0]})
    uneven = pd.DataFrame({"trial": [0, 0, 0, 0, 7], "redraw": [0, 1, 2, 3, 0], "points": [1.0, 1.0, 1.0, 1.0, 5.0]})
    for differences, mean, n in ((even, 3.0, 3), (uneven, 3.0, 2)):
        answer = evidence(differences.copy())
        if answer is None:
            return print("Exercise not tried yet: the function returns None.")
        _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: the mean and n.")
        _need(
            answer[1] == n,
            f"{answer[1]} values are counted where there are {n} trials: redraws of a trial share its ticket, so count trials.",
        )
        _need(
            abs(float(answer[0]) - mean) < 1e-9,
            f"the mean is {float(answer[0]):g} where it should be {mean:g}: average inside each trial first, so that one with "
            "more redraws has no more say.",
        )
    print("Right: redraws make a trial's value steadier, trials are what is counted.")


def check_same_signs(same_signs: Callable[[dict, dict, int], tuple[dict, dict]]) -> None:
    """Lesson 3: `same_signs(theta_0, mask, seed)` keeps mask, signs and biases, and draws sizes of each layer's scale."""
    generator = torch.Generator().manual_seed(6)
    theta_0 = {
        "fc1.weight": 0.05 * torch.randn(60, 50, generator=generator),
        "fc1.bias": torch.randn(60, generator=generator),
        "fc2.weight": 0.5 * torch.randn(40, 60, generator=generator),
    }
    mask = {name: torch.rand(theta_0[name].shape, generator=generator) < 0.3 for name in ("fc1.weight", "fc2.weight")}
    given = _copy(theta_0), _copy(mask)
    answer = same_signs(*given, 0)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: weights and mask.")
    weights, drawn = answer
    _need(all(torch.equal(given[0][n], theta_0[n]) for n in theta_0), "theta_0 itself has changed: write into a new dictionary.")
    _need(set(weights) == set(theta_0), "return weights under all of theta_0's names, biases included.")
    _need(torch.equal(weights["fc1.bias"], theta_0["fc1.bias"]), "a bias has changed: change the masked layers' weights alone.")
    for name, kept in mask.items():
        _need(torch.equal(drawn[name].bool(), kept), f"{name}: the mask has changed, so two things differ from the ticket.")
        _need(
            torch.equal(weights[name].sign()[kept], theta_0[name].sign()[kept]),
            f"{name}: a weight that the mask keeps has another sign.",
        )
        sizes, before = weights[name].abs()[kept], theta_0[name].abs()[kept]
        alike = torch.corrcoef(torch.stack([sizes, before]))[0, 1]
        _need(
            bool(sizes.std() > 0.1 * before.std()) and bool(alike.abs() < 0.3),
            f"{name}: the sizes are not left to chance: draw one for each weight, whatever it was.",
        )
        _need(
            bool(0.8 < sizes.mean() / before.mean() < 1.25),
            f"{name}: the sizes average {sizes.mean():.3g} and theta_0's {before.mean():.3g}: keep to the layer's own scale.",
        )
    again, other = same_signs(*given, 0)[0], same_signs(*given, 1)[0]
    _need(torch.equal(again["fc1.weight"], weights["fc1.weight"]), "seed 0 gave two different draws: draw from the seed alone.")
    _need(not torch.equal(other["fc1.weight"], weights["fc1.weight"]), "seed 1 gives the same sizes as seed 0: use the seed.")
    print("Right: the mask and every sign are the ticket's, the sizes are chance's.")


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)


def _need_mask(mask: Tensor, like: Tensor) -> None:
    """It is a mask of that shape."""
    _need(
        isinstance(mask, Tensor) and mask.shape == like.shape and bool(((mask == 0) | (mask == 1)).all()),
        "return masks of the layers' shapes that hold only True and False.",
    )
