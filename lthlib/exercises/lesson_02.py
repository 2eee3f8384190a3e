"""Checks for lesson 2's exercises: pruning once instead of in rounds, and one step of the loop."""

import torch

from lthlib.core.language import say
from lthlib.exercises.checking import Answer, exercise, need, need_layers, need_mask, need_pair


@exercise(lesson=2, each_call=True)
def check_one_shot(one_shot: Answer) -> str:
    """`one_shot(trained, rates, rounds)` keeps the largest weights, as many as the rounds keep."""
    generator = torch.Generator().manual_seed(3)
    shapes = {"fc1.weight": (25, 20), "output.weight": (10, 15)}
    trained = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    rates = {"fc1.weight": 0.2, "output.weight": 0.1}
    before = None
    for rounds in (1, 3, 8):
        mask = one_shot(trained, rates, rounds)
        need_layers(mask, trained)
        for name, weight in trained.items():
            need_mask(mask[name], weight)
            total, rate = weight.numel(), rates[name]
            kept, should = int(mask[name].sum()), round((1 - rate) ** rounds * total)
            why = say(
                "{name} keeps {kept} of {total} weights for {rounds} rounds at rate {rate}, {should} "
                "should remain: "
                "shares kept multiply, each layer's own.",
                **{"name": name, "kept": kept, "total": total, "rounds": rounds, "rate": rate, "should": should},
            )
            need(abs(kept - should) <= 1, why)
            kept_sizes, gone_sizes = weight[mask[name].bool()].abs(), weight[~mask[name].bool()].abs()
            why = say("{name}: a larger weight went before a smaller one.", name=name)
            need(gone_sizes.max() <= kept_sizes.min(), why)
            inside = before is None or not (mask[name].bool() & ~before[name]).any()
            why = say(
                "{name}: the mask for {rounds} rounds holds a weight that is not in the mask for fewer.", name=name, rounds=rounds
            )
            need(inside, why)
        before = {name: kept.bool() for name, kept in mask.items()}
    tied = one_shot({"fc1.weight": torch.ones(10, 10)}, {"fc1.weight": 0.2}, 2)["fc1.weight"]
    remain = int(tied.sum())
    why = say(
        "of 100 equal weights {remain} remain after two rounds at 0.2, 64 should: a threshold takes all that tie.",
        remain=remain,
    )
    need(remain == 64, why)
    return say("Right: as many weights in every layer as after the rounds, chosen once.")


@exercise(lesson=2)
def check_next_ticket(next_ticket: Answer) -> str:
    """`next_ticket(theta_0, trained, mask, rate)` prunes survivors by their trained size, and resets them."""
    generator = torch.Generator().manual_seed(4)
    theta_0 = {name: torch.randn(20, 15, generator=generator) for name in ("fc1.weight", "fc2.weight")}
    mask = {name: torch.rand(20, 15, generator=generator) < 0.6 for name in theta_0}
    trained = {name: torch.randn(20, 15, generator=generator) * mask[name] for name in theta_0}
    answer = next_ticket(theta_0, trained, mask, 0.2)
    ticket, pruned = need_pair(answer, say("return two things: the ticket's weights and its mask."))
    need_layers(pruned, mask)
    for name, kept in mask.items():
        need_mask(pruned[name], kept)
        drawn = pruned[name].bool()
        why = say("{name}: a weight that was pruned before is back in the mask.", name=name)
        need(not (drawn & ~kept).any(), why)
        survivors, should = int(kept.sum()), int(kept.sum()) - round(0.2 * int(kept.sum()))
        why = say(
            "{name} goes from {survivors} weights to {left} at rate 0.2, {should} should remain: the "
            "rate is a share of "
            "the survivors.",
            **{"name": name, "survivors": survivors, "left": int(drawn.sum()), "should": should},
        )
        need(int(drawn.sum()) == should, why)
        sizes = trained[name].abs()
        why = say("{name}: which weights go was not decided by their size after training.", name=name)
        need(sizes[kept & ~drawn].max() <= sizes[drawn].min(), why)
        why = say("{name}: the ticket's weights are not those of theta_0: reset what is left.", name=name)
        need(torch.equal(ticket[name] * drawn, theta_0[name] * drawn), why)
    return say("Right: a share of the survivors, by trained size, and back to theta_0.")
