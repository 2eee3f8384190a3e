"""The made-up language: its probabilities, its entropy by three routes, and the data sets made of it and of Shakespeare."""

import hashlib
import io
import itertools
import math

import numpy as np
import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.data import downloads, grammar
from lthlib.data.sources import Source


def reachable():
    return grammar._chain()[0]


def test_every_state_has_a_distribution_and_no_word_twice():
    assert len(reachable()) > 100
    for state in reachable():
        found = grammar.options(state)
        assert math.isclose(sum(p for _, p, _ in found), 1, abs_tol=1e-12) and all(p > 0 for _, p, _ in found)
        words = [word for word, _, _ in found]
        assert len(set(words)) == len(words), "else a text would not say which state it is in"
        assert set(words) <= set(grammar.VOCABULARY)
    assert len(set(grammar.VOCABULARY)) == len(grammar.VOCABULARY) == 29


def test_entropy_of_short_texts_by_enumeration():
    """The entropy of the first n words is that of the distribution over all texts of n words: -sum p log p, by brute force."""
    texts_of = {(): (1.0, grammar.START)}
    for length in range(1, 5):
        longer = {}
        for words, (p, state) in texts_of.items():
            for word, q, after in grammar.options(state):
                longer[(*words, word)] = (p * q, after)
        texts_of = longer
        total = -sum(p * math.log(p) for p, _ in texts_of.values())
        assert grammar.entropy(length) == pytest.approx(total / length, rel=1e-10)
    assert len(texts_of) > 100


def test_entropy_rate_is_what_a_long_text_costs():
    words = grammar.write(np.random.RandomState(3), 40_000)
    nats = np.array(grammar.surprise(words))
    sentences = np.split(nats, np.flatnonzero(np.array(words) == grammar.END) + 1)[:-1]
    assert grammar.entropy() == pytest.approx(nats.mean(), abs=5 * nats.std() / len(nats) ** 0.5)
    # Renewal: sentences are independent, so the rate is nats per sentence over words per sentence.
    assert grammar.entropy() == pytest.approx(sum(map(sum, sentences)) / sum(map(len, sentences)), abs=0.02)
    assert abs(grammar.entropy(3000) - grammar.entropy()) < 1e-3


@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("the dog sleeps .", True),
        ("a dog sleep .", False),
        ("the dogs sleeps .", False),
        ("the dogs that the king sees sleep .", True),
        ("the dogs that the king sees sleeps .", False),
        ("the dogs that see the king sleep .", True),
        ("the dogs that sees the king sleep .", False),
        ("a dogs sleep .", False),
        ("the dog sleeps", False),
        ("the dog sleeps . the dog runs .", False),
        ("the dog sees .", False),
        ("the dog flies .", False),
        ("", False),
    ],
)
def test_agreement_decides_what_is_a_sentence(sentence, right):
    assert grammar.is_sentence(sentence.split()) is right


def test_written_sentences_are_sentences_and_repeat_by_seed():
    words = grammar.write(np.random.RandomState(0), 3000)
    assert words == grammar.write(np.random.RandomState(0), 3000) != grammar.write(np.random.RandomState(1), 3000)
    ends = [0, *(index + 1 for index, word in enumerate(words) if word == grammar.END)]
    sentences = [words[a:b] for a, b in itertools.pairwise(ends)]
    assert len(sentences) > 300 and all(map(grammar.is_sentence, sentences))


def test_the_language_as_a_data_set():
    made = data.load("grammar")
    assert data.at_hand("grammar") and made.input_shape == (24,) and made.classes == 29 == len(made.alphabet)
    assert (len(made.train), len(made.validation), len(made.test)) == (1833, 167, 400)
    for split in (made.train, made.validation, made.test):
        assert split.inputs.dtype == split.targets.dtype == torch.int64
        assert torch.equal(split.inputs[:, 1:], split.targets[:, :-1]), "the target is the word that comes next"
        assert set(split.inputs[:, 0].tolist()) == {made.alphabet.index(".")}
        for row in split.targets[:5]:
            assert np.isfinite(grammar.surprise(made.alphabet[token] for token in row)).all()
    rows = torch.cat([made.train.targets, made.validation.targets, made.test.targets])
    assert len(rows.unique(dim=0)) == len(rows), "no text is in two splits"
    assert made.written([0, 3, 7]).split() == [made.alphabet[token] for token in (0, 3, 7)]
    assert made.fingerprint() == data.load("grammar").fingerprint()


def test_shakespeare_is_cut_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    text = "".join(chr(97 + i % 26) for i in range(64 * 50 + 1))
    (tmp_path / "tinyshakespeare.txt").write_text(text)
    made = data.load("tinyshakespeare")
    assert data.at_hand("tinyshakespeare") and [len(s) for s in (made.train, made.validation, made.test)] == [40, 5, 5]
    rows = torch.cat([made.train.inputs, made.validation.inputs, made.test.inputs])
    assert made.written(rows.flatten()) == text[:-1], "every character once, in its order"
    assert made.written(made.train.targets.flatten()) == text[1 : 64 * 40 + 1]
    for damage in (b"\xff\xfe\xff", b"short"):
        (tmp_path / "tinyshakespeare.txt").write_bytes(damage)
        with pytest.raises(LotteryError, match="tinyshakespeare.txt .*delete it and let it be downloaded again"):
            data.load("tinyshakespeare")


def test_shakespeare_is_downloaded_once_and_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    content = b"to be, or not to be\n" * 60
    monkeypatch.setattr(downloads.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(content))
    with pytest.raises(LotteryError, match="could not be downloaded .*its checksum is .*copy tinyshakespeare.txt there"):
        data.load("tinyshakespeare")
    assert not list(tmp_path.iterdir())
    known = Source({"input.txt": hashlib.sha256(content).hexdigest()}, ("https://here/",))
    monkeypatch.setitem(downloads.SOURCES, "tinyshakespeare", known)
    assert len(data.load("tinyshakespeare").alphabet) == len(set(content))
    assert [path.name for path in tmp_path.iterdir()] == ["tinyshakespeare.txt"]

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(downloads.urllib.request, "urlopen", unreachable)
    (tmp_path / "tinyshakespeare.txt").unlink()
    with pytest.raises(LotteryError, match="no route to host.*transformer-grammar"):
        data.load("tinyshakespeare")
