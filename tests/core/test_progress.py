import sys
import types

from lthlib.core import progress


class Handle(list):
    def update(self, shown):
        self.append(shown.data)


def test_the_notebook_bar_is_one_line_drawn_again_and_ends_in_a_sentence(monkeypatch):
    handle = Handle()
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: handle)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    bar = progress.bar(2)
    for _ in range(2):
        bar.set_postfix_str("level 0 <b>")
        bar.update(1)
    bar.close()
    bar.say("2 networks trained & kept.")
    assert "0 of 2 networks" in handle[0] and "level 0 &lt;b&gt;" in "".join(handle)
    assert handle[-1] == "<small>2 networks trained &amp; kept.</small>"


def test_a_log_file_gets_the_sentence_and_no_bar(capsys):
    bar = progress.bar(3)
    bar.update(1)
    bar.close()
    bar.say("1 network trained.")
    captured = capsys.readouterr()
    assert captured.err == "1 network trained.\n" and captured.out == ""


def test_silence(capsys):
    bar = progress.bar(3, shown=False)
    bar.set_postfix_str("x")
    bar.update(1)
    bar.close()
    bar.say("nothing")
    assert capsys.readouterr() == ("", "")


def test_only_a_kernel_counts_as_a_notebook(monkeypatch):
    for shell, expected in ((None, False), (types.SimpleNamespace(), False), (types.SimpleNamespace(kernel=1), True)):
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert progress._in_notebook() is expected
