"""What people see while they wait: a bar with the time left, and one sentence at the end. In a terminal both
go to standard error; in a notebook they are one line that is redrawn in place."""

import html
import sys

from tqdm import tqdm

from lthlib.core.language import say


class _NotebookBar(tqdm):
    """tqdm's timing, shown as an HTML progress element: a saved page can show it, unlike a widget."""

    def __init__(self, *args, **kwargs):
        from IPython.display import HTML, display

        self._html, self._handle = HTML, display(HTML(""), display_id=True)
        super().__init__(*args, gui=True, **kwargs)  # gui: tqdm prints nothing itself
        self.disable = False
        self.display()

    def display(self, msg=None, pos=None):
        state = self.format_dict
        done, total, rate = state["n"], state["total"], state["rate"]
        left = say(", {time} left", time=tqdm.format_interval((total - done) / rate)) if rate else ""
        count = say("{done} of {total} networks", done=done, total=total)
        note = html.escape(f"{count}{left} {state['postfix'] or ''}")
        self._draw(f"<progress value='{done}' max='{total}'></progress> {note}")

    def close(self):
        self.disable = True

    def say(self, sentence: str) -> None:
        self._draw(f"<small>{html.escape(sentence)}</small>")

    def _draw(self, text: str) -> None:
        assert self._handle is not None  # since it has a display_id
        self._handle.update(self._html(text))


class _TerminalBar(tqdm):
    def say(self, sentence: str) -> None:
        notice(sentence)


class _Silence:
    def update(self, *_):
        pass

    set_postfix_str = close = say = update


def bar(total: int, shown: bool = True):
    """A bar over `total` networks, with methods update, set_postfix_str, close and, at the end, say. Where
    standard error is a file, there is no bar, but the sentence."""
    if not shown:
        return _Silence()
    if _in_notebook():
        return _NotebookBar(total=total)
    return _TerminalBar(total=total, leave=False, unit="network", disable=None, dynamic_ncols=True)


def notice(sentence: str) -> None:
    """One sentence for the person at the keyboard, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return bool(shell) and hasattr(shell, "kernel")
