"""What the library says in another language: every text has a translation that fits, and a wrong language a sentence."""

import subprocess
import sys

import polib
import pytest

import lthlib
from lthlib import LotteryError, analysis, widgets
from lthlib.core import language
from lthlib.core.language import say, spoken
from lthlib.exercises import lesson_01
from lthlib.lessons import library_texts, questions, translations
from tests.lessons.test_translations import misfits

LESSONS = [translations.LESSONS / f"{path.stem}.ipynb" for path in sorted(translations.LESSONS.glob("0[0-3]_*.ipynb"))]


@pytest.fixture(autouse=True)
def afterwards_in_english():
    yield
    lthlib.language("en")


@pytest.mark.parametrize("name", language.LANGUAGES)
def test_every_text_of_the_library_has_a_translation_that_fits(name):
    texts = library_texts.texts(LESSONS)
    catalogue = polib.pofile(str(language.HOME / name / language.FILE))
    fitting = {entry.msgid: entry.msgstr for entry in catalogue.translated_entries()}
    assert set(texts) == set(fitting) == {entry.msgid for entry in catalogue}
    assert [problem for text in texts for problem in misfits(text, fitting[text])] == []


@pytest.mark.parametrize("name", language.LANGUAGES)
def test_catalogues_are_read_as_polib_reads_them(name, tmp_path):
    for path in sorted((language.HOME / name).glob("*.po")):
        entries = polib.pofile(str(path))
        assert language._read(path) == {entry.msgid: entry.msgstr for entry in entries.translated_entries()}
    entries[0].flags, entries[1].msgstr, entries[2].msgstr = ["fuzzy"], "", 'a "b"\\\n\tc\n'
    entries.save(str(tmp_path / "own.po"))
    read = language._read(tmp_path / "own.po")
    assert len(read) == len(entries) - 2 and read[entries[2].msgid] == 'a "b"\\\n\tc\n'


def test_texts_are_found_in_code_and_in_claims():
    code = 'x = mark("a")\ny = say("{n} b" if n > 1 else "b", n=n)\nsay(other)\nz.say("not this")'
    assert library_texts.of_code(code) == ["a", "{n} b", "b"]
    claims = library_texts.of_claims(LESSONS)
    assert "The ticket is more accurate than its reinitialised copy." in claims and "38 % earlier" in claims


def test_english_is_said_as_it_is_and_places_are_filled_in():
    assert say("{share:.1f} % {of}", share=12.34, of="{all}") == "12.3 % {all}"
    assert say("as {it} is") == "as {it} is"
    with spoken("ko"):
        assert say("{trials} trials", trials=5) == "시행 5번"
        assert say("reinit") == "reinit"
    assert say("{trials} trials", trials=5) == "5 trials"


def test_a_sentence_in_each_language():
    said = {}
    for name in language.LANGUAGES:
        with spoken(name):
            said[name] = analysis.sentences.to_settle("inconclusive", 12)
    assert said == {
        "ja": "；約12試行で判定できる見込み",
        "ko": "; 시행 약 12번이면 판정 가능",
        "zh": "；大约 12 次试验可得出定论",
    }


def test_checks_questions_and_buttons_speak_the_language(capsys, monkeypatch):
    monkeypatch.delenv("LTHLIB_STRICT")
    lthlib.language("ja")
    lesson_01.check_prune(lambda weight, mask, rate: mask)
    lesson_01.check_freeze(lambda weight, step, mask: (weight + step) * mask)
    questions.reveal("nobody asked", None, "一文。")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("もう一歩： 枝刈り率0.2で、生き残り") and shown[1].startswith("正解： 枝刈りした重みは")
    assert shown[2:] == ["ここではまだ予想していません。", "この実行では決められない： 一文。"]
    lab = widgets.lab()
    assert (lab.start.description, lab.cancel.description, lab.task.value) == ("開始", "中止", "lenet-mnist1d")


def test_an_unknown_language_gets_a_sentence(monkeypatch):
    with pytest.raises(LotteryError, match="unknown language 'fr': choose one of en, ja, ko, zh"):
        lthlib.language("fr")
    assert language.chosen() == "en"
    monkeypatch.setattr(language, "HOME", language.HOME / "nowhere")
    language._catalogue.cache_clear()
    with pytest.raises(LotteryError, match=r"日本語 is not here: .*lthlib\.po is missing"):
        lthlib.language("ja")


@pytest.mark.parametrize(("name", "says"), [("zh", "2 次试验\n"), ("", "2 trials\n"), ("fr", "unknown language 'fr'")])
def test_the_environment_may_name_a_language(name, says, monkeypatch):
    monkeypatch.setenv("LTHLIB_LANGUAGE", name)
    code = "from lthlib.core.language import say\nprint(say('{trials} trials', trials=2))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert says in done.stdout + done.stderr
