"""A made-up language whose every probability is known.

It has 28 words and a full stop. Its sentences agree in number, also across a clause that stands in between
("the dogs that the king sees sleep ."), which a model of it must learn to carry along. Because it is
generated, the best possible loss of a language model is known: the entropy of the next word given all words
before it (Shannon 1948, section 7).
"""

import functools
from collections.abc import Iterable

import numpy as np

END, THAT = ".", "that"
ARTICLES = {"the": 0.6, "a": 0.4}
ADJECTIVES = {"small": 0.5, "big": 0.3, "red": 0.2}
NOUNS = {"dog": 0.35, "cat": 0.25, "king": 0.2, "bird": 0.12, "child": 0.08}
PLURALS = {"dog": "dogs", "cat": "cats", "king": "kings", "bird": "birds", "child": "children"}
SEEING = {"sees": 0.5, "hears": 0.3, "likes": 0.2}  # with an object; the plural drops the last letter
SLEEPING = {"sleeps": 0.5, "runs": 0.3, "sings": 0.2}
ADJECTIVE, CLAUSE, OBJECT, INNER_SUBJECT = 0.25, 0.3, 0.6, 0.5  # how likely each is where it may stand
DEEPEST = 2  # clauses inside one another
ONE, MANY = "one", "many"
VOCABULARY = (
    *(END, THAT, *ARTICLES, *ADJECTIVES, *NOUNS, *PLURALS.values()),
    *(form for verb in (*SEEING, *SLEEPING) for form in (verb, verb[:-1])),
)

# A state is (what comes next, number of the noun at hand, role of its phrase, clauses that are still open).
# An open clause is (role, number) of the noun it belongs to. START is also the state after a sentence.
START = ("article", "", "subject", ())


@functools.cache
def options(state: tuple) -> tuple[tuple[str, float, tuple], ...]:
    """What may come next: (word, its probability, the state after it), for every word that may. No word is
    there twice."""
    expected, number, role, open_clauses = state
    if expected == "article":
        numbers = {"a": ONE, "the": ""}  # "the" leaves it open
        return tuple((word, p, ("noun", numbers[word], role, open_clauses)) for word, p in ARTICLES.items())
    if expected in ("noun", "noun now"):
        adjectives = ADJECTIVE if expected == "noun" else 0.0
        words = []
        if adjectives:
            after = ("noun now", number, role, open_clauses)
            words = [(word, adjectives * p, after) for word, p in ADJECTIVES.items()]
        for one, p in NOUNS.items():
            for word, counted in ((one, ONE), (PLURALS[one], MANY)):
                share = {"": 0.5, counted: 1.0}.get(number, 0.0) * (1 - adjectives) * p
                if share:
                    words.append((word, share, ("after noun", counted, role, open_clauses)))
        return tuple(words)
    if expected == "after noun":
        if len(open_clauses) == DEEPEST:
            return _after_phrase(number, role, open_clauses)
        clause = (THAT, CLAUSE, ("in clause", number, "", (*open_clauses, (role, number))))
        return (clause, *_scaled(1 - CLAUSE, _after_phrase(number, role, open_clauses)))
    if expected == "in clause":
        inner = options(("article", "", "inner subject", open_clauses))
        return (*_scaled(INNER_SUBJECT, inner), *_scaled(1 - INNER_SUBJECT, _verb(number, open_clauses)))
    return _after_clause(open_clauses)


def _after_phrase(number: str, role: str, open_clauses: tuple) -> tuple:
    """What may follow a noun that gets no clause: its verb, or whatever its phrase was the end of."""
    if role == "subject":
        return _verb(number, open_clauses)
    if role == "inner subject":  # in "that the king sees" the object is the noun outside
        return tuple((_form(verb, number), p, _closed(open_clauses)) for verb, p in SEEING.items())
    return _after_clause(open_clauses)


def _verb(number: str, open_clauses: tuple) -> tuple:
    after = ("article", "", "object", open_clauses)
    with_object = [(_form(v, number), OBJECT * p, after) for v, p in SEEING.items()]
    alone = [(_form(v, number), (1 - OBJECT) * p, _closed(open_clauses)) for v, p in SLEEPING.items()]
    return (*with_object, *alone)


def _closed(open_clauses: tuple) -> tuple:
    """The state in which the innermost clause, or the sentence where none is open, has just ended."""
    return ("after clause", "", "", open_clauses)


def _after_clause(open_clauses: tuple) -> tuple:
    if not open_clauses:
        return ((END, 1.0, START),)
    *others, (role, number) = open_clauses
    return _after_phrase(number, role, tuple(others))


def _form(verb: str, number: str) -> str:
    return verb if number == ONE else verb[:-1]


def _scaled(share: float, words: tuple) -> tuple:
    return tuple((word, share * p, state) for word, p, state in words)


def write(random: np.random.RandomState, length: int) -> list[str]:
    """A text of so many words and full stops, from the beginning of a sentence on; the last sentence may be
    cut off."""
    words, state = [], START
    while len(words) < length:
        allowed = options(state)
        word, _, state = allowed[random.choice(len(allowed), p=[p for _, p, _ in allowed])]
        words.append(word)
    return words


def surprise(words: Iterable[str]) -> list[float]:
    """Minus the logarithm of each word's probability given those before it, in nats, for a text that begins
    with a sentence.

    Infinite from the first word on that the language does not allow there. No model of the language can do
    better on average.
    """
    nats, state = [], START
    for word in words:
        allowed = {} if state is None else {w: (p, after) for w, p, after in options(state)}
        probability, state = allowed.get(word, (0.0, None))
        nats.append(-float(np.log(probability)) if probability else float("inf"))
    return nats


def is_sentence(words: Iterable[str]) -> bool:
    """Whether these words, the full stop at the end included, are one sentence of the language."""
    words = list(words)
    return words[-1:] == [END] and words.count(END) == 1 and bool(np.isfinite(surprise(words)).all())


def entropy(length: int | None = None) -> float:
    """Entropy of the language in nats per word (or full stop): the mean of `surprise` over all texts of that
    length, from the beginning of a sentence; without a length its limit, the entropy rate (Shannon 1948,
    theorem 5)."""
    states, moves = _chain()
    by_state = np.array([-sum(p * np.log(p) for _, p, _ in options(state)) for state in states])
    if length is None:
        # The one distribution that a step leaves as it is: solve pi (moves - 1) = 0 with sum(pi) = 1.
        equations = np.vstack([(moves - np.eye(len(states))).T, np.ones(len(states))])
        return float(np.linalg.lstsq(equations, np.eye(len(states) + 1)[-1], rcond=None)[0] @ by_state)
    at, total = np.eye(len(states))[0], 0.0
    for _ in range(length):
        total, at = total + at @ by_state, at @ moves
    return float(total / length)


@functools.cache
def _chain() -> tuple[list[tuple], np.ndarray]:
    """Every state that can be reached, START first, and the probability of each move between them [states,
    states]."""
    states = [START]
    for state in states:  # grows while it is gone through
        states += [after for after in dict.fromkeys(s for _, _, s in options(state)) if after not in states]
    place = {state: index for index, state in enumerate(states)}
    moves = np.zeros((len(states), len(states)))
    for state in states:
        for _, p, after in options(state):
            moves[place[state], place[after]] += p
    return states, moves


def windows(seed: int, count: int, length: int) -> np.ndarray:
    """Texts of the language as places in VOCABULARY, int64 [count, length + 1]. Each begins with a full stop,
    so that a model reads the first sentence from its beginning."""
    random, place = np.random.RandomState(seed), {word: index for index, word in enumerate(VOCABULARY)}
    return np.array([[place[word] for word in (END, *write(random, length))] for _ in range(count)])
