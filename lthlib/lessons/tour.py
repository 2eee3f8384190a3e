"""The five stops of lesson 0: at each a prediction, then an answer that is computed from the results which
the explorer shows, and follows them when the reader chooses others."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from lthlib import analysis
from lthlib.analysis.evidence import AS_GOOD, BETTER, WORSE
from lthlib.analysis.inspection import Look
from lthlib.core.language import mark, say
from lthlib.core.percent import percent
from lthlib.lessons import questions, reporting
from lthlib.widgets.explorer import Explorer
from lthlib.widgets.panels import Place, inputs_of

FIFTH, TENTH = 0.21, 0.1  # weights remaining at which the stops look
NO_LOOK = mark("Nothing is stored of these networks' weights: choose other results in the explorer.")


class Answered(NamedTuple):
    """An answer, one of a stop's choices or None, its sentence, and panels of the explorer that show it: with
    the other methods, or `alone`, where these would answer a later stop."""

    answer: str | None
    sentence: str
    panels: list[tuple[Place, list[str]]]
    alone: bool = False


class Stop(NamedTuple):
    """A question with its choices, and how its answer is computed from what an explorer shows."""

    question: str
    choices: tuple[str, ...]
    answer: Callable[[Explorer], Answered]


class Tour:
    """`ask(number)` and `answer(number)`, from 1 to 5, display a stop's two halves."""

    def __init__(self, explorer: Explorer):
        self.explorer, self._answered, self._at = explorer, set(), _chosen(explorer)
        explorer.picture.observe(lambda change: self._follow(), "value")  # it changes once, when all is in place

    def ask(self, number: int) -> None:
        """Ask for a prediction."""
        stop = STOPS[number - 1]
        questions.predict(say(stop.question), list(map(say, stop.choices)), key=_key(number))

    def answer(self, number: int) -> None:
        """Show what the chosen results say, folded until there is a prediction."""
        self._answered.add(number)
        questions.reveal(_key(number), *self.computed(number))

    def computed(self, number: int) -> tuple[str | None, str, str]:
        """The answer to a stop, its sentence, and its picture as HTML."""
        found = STOPS[number - 1].answer(self.explorer)
        return found.answer and say(found.answer), found.sentence, self.explorer.panels(found.panels, found.alone)

    def takeaways(self) -> list[str]:
        """The sentences of all stops."""
        return [stop.answer(self.explorer).sentence for stop in STOPS]

    def _follow(self) -> None:
        before, self._at = self._at, _chosen(self.explorer)
        if self._at != before:
            for number in self._answered:
                questions.revise(_key(number), *self.computed(number))


def _chosen(explorer: Explorer) -> tuple:
    """What the answers depend on."""
    return explorer.results.value, explorer.rate.value, explorer.trial.value


def _key(number: int) -> str:
    return f"stop-{number}"


def _shown(explorer: Explorer) -> tuple[pd.DataFrame, str, int]:
    """One row for each network of the ticket's setting, its method's name, and the trial chosen."""
    group = explorer.group
    return group.networks, group.methods[0], explorer.trial.value


def _whole(sentence: str) -> str:
    return say("{sentence}.", sentence=f"{sentence[0].upper()}{sentence[1:]}")


FALLS = (mark("It is as good or better"), mark("It is worse"))


def _accuracy(explorer: Explorer) -> Answered:
    table, ticket, trial = _shown(explorer)
    level = analysis.nearest_level(table, FIFTH)
    verdict = analysis.compare(table, "dense").verdict.get(level)
    answer = {BETTER: FALLS[0], AS_GOOD: FALLS[0], WORSE: FALLS[1]}.get(verdict)
    stop = analysis.against_dense(analysis.early_stop_ratio(table, "dense").loc[level])
    accuracy = analysis.sentence(table, FIFTH, "dense")
    sentence = _whole(say("{accuracy}; early stop: {stop}", accuracy=accuracy, stop=stop.replace(": ", ", ", 1)))
    return Answered(answer, sentence, [(Place(ticket, trial, level), ["accuracy", "stop"])], alone=True)


REACHES = (
    mark("To a quarter of the weights or more"),
    mark("To between a quarter and a tenth"),
    mark("To a tenth or less"),
)


def _reach(explorer: Explorer) -> Answered:
    table, ticket, trial = _shown(explorer)
    verdicts = analysis.matching(table)
    reached, _, _ = analysis.reach(verdicts)
    answer = None if reached is None else REACHES[int(reached < 0.25) + int(reached <= 0.1)]
    picture = [(Place(ticket, trial, int(table.level.max())), ["accuracy", "learning"])]
    return Answered(answer, say("{sentence}.", sentence=analysis.how_far(verdicts)), picture, alone=True)


OWN = (
    mark("The ticket, with its own initial values"),
    mark("reinit, with new random values"),
    mark("Neither: no sure difference"),
)


def _own_values(explorer: Explorer) -> Answered:
    table, _, trial = _shown(explorer)
    if "reinit" not in set(table.method):
        return Answered(None, say("These results have no control reinit: choose others in the explorer."), [])
    level = analysis.nearest_level(table, TENTH)
    compared = analysis.compare(table, "reinit")
    answer = reporting.which(compared.loc[level], OWN) if level in compared.index else None
    first, second = (analysis.sentence(table, density) for density in (TENTH, FIFTH))
    sentence = _whole(say("{first}; {second}", first=first, second=second))
    last = explorer.group.table.iteration.max()
    controls = table[(table.method == "reinit") & (table.level == level)]
    late = int((controls.early_stop == last).sum())
    sentence += say(
        " Still improving at the last iteration, {last:,}: {late} of {all} reinit networks.",
        last=last,
        late=late,
        all=len(controls),
    )
    return Answered(answer, sentence, [(Place("reinit", trial, level), ["accuracy", "learning"])])


SHARES = (mark("About a quarter (less than 30 %)"), mark("30 to 50 %"), mark("More than half"))


def _inputs(explorer: Explorer) -> Answered:
    table, ticket, trial = _shown(explorer)
    level = analysis.nearest_level(table, TENTH)
    look, dense = explorer.look(trial, level), explorer.look(trial, 0)
    if look is None or dense is None:
        return Answered(None, say(NO_LOOK), [])
    share, blind, count = quarter(look.pixels), int((look.pixels == 0).sum()), look.pixels.numel()
    unused = say("{blind} of {all} have no weight left", blind=blind, all=count)
    unused = unused if blind else say("all {all} still have weights", all=count)
    answer = SHARES[int(share >= 0.3) + int(share > 0.5)]
    values = {"trial": trial, "density": _density(table, level), "what": inputs_of(look), "unused": unused}
    sentence = say(
        "In trial {trial}, at {density}, the busiest quarter of the {what} holds {share:.0f} % of the layer's weights, "
        "in the dense network {dense:.0f} %; {unused}.",
        **{"share": 100 * share, "dense": 100 * quarter(dense.pixels), **values},
    )
    return Answered(answer, sentence, [(Place(ticket, trial, level), ["pixels", "shares"])])


SELECTION = mark("Part of this is selection: weights that end near zero change sign most easily, and pruning removes them.")
SIGNS = (mark("About half, as by chance (less than 60 %)"), mark("60 to 90 %"), mark("More than 90 %"))


def _signs(explorer: Explorer) -> Answered:
    table, ticket, trial = _shown(explorer)
    level = analysis.nearest_level(table, TENTH)
    look, dense = explorer.look(trial, level), explorer.look(trial, 0)
    if look is None or dense is None:
        return Answered(None, say(NO_LOOK), [])
    share = same_sign(look)
    answer = SIGNS[int(share >= 0.6) + int(share > 0.9)]
    values = {"looked": int(look.kept.sum()), "dense": 100 * same_sign(dense), "all": int(dense.kept.sum())}
    sentence = say(
        "In trial {trial}, at {density}, {share:.0f} % of the {looked:,} weights of the ticket that we looked at end with "
        "the sign they began with; in the dense network, {dense:.0f} % of {all:,}. {selection}",
        **{"trial": trial, "density": _density(table, level), "share": 100 * share, "selection": say(SELECTION), **values},
    )
    return Answered(answer, sentence, [(Place(ticket, trial, at), ["scatter"]) for at in (0, level)])


def quarter(pixels: Tensor) -> float:
    """The share of the kept weights that the busiest quarter of the inputs holds."""
    ordered = pixels.flatten().sort(descending=True).values
    return float(ordered[: max(len(ordered) // 4, 1)].sum() / ordered.sum())


def same_sign(look: Look) -> float:
    """The share of the kept weights of a look that end with the sign they began with."""
    return float((look.before[look.kept].sign() == look.after[look.kept].sign()).float().mean())


def _density(table: pd.DataFrame, level: int) -> str:
    return percent(table[table.level == level].density.mean())


STOPS = (
    Stop(mark("At about a fifth of its weights, how accurate is the ticket, compared with the dense network?"), FALLS, _accuracy),
    Stop(mark("Down to which share of its weights does the ticket keep up with the dense network?"), REACHES, _reach),
    Stop(mark("Same mask, at about a tenth of the weights: which is more accurate?"), OWN, _own_values),
    Stop(mark("At about a tenth: how many of the first layer's weights does its busiest quarter hold?"), SHARES, _inputs),
    Stop(mark("How many of the ticket's weights at about a tenth end with the sign they began with?"), SIGNS, _signs),
)
