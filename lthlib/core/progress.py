"""What people see while they wait: a bar with the time left, and one sentence at the end.

In a terminal both go to standard error; in a notebook they are one line that is redrawn in place.
"""

import html
import sys

from tqdm import tqdm


class _NotebookBar(tqdm):
    """tqdm's timing, shown as an HTML progress element: no widget, so that saved pages keep nothing unreadable."""

    def __init__(self, *args, **kwargs):
        from IPython.display import HTML, display

        self._html, self._handle = HTML, display(HTML(""), display_id=True)
        super().__init__(*args, gui=True, **kwargs)  # gui: tqdm prints nothing itself
        self.disable = False
        self.display()

    def display(self, msg=None, pos=None):
        state = self.format_dict
        left = (state["total"] - state["n"]) / state["rate"] if state["rate"] else None
        eta = f", {tqdm.format_interval(left)} left" if left is not None else ""
        note = html.escape(f"{state['n']} of {state['total']} networks{eta} {state['postfix'] or ''}")
        self._handle.update(self._html(f"<progress value='{state['n']}' max='{state['total']}'></progress> {note}"))

    def close(self):
        self.disable = True

    def say(self, sentence: str) -> None:
        self._handle.update(self._html(f"<small>{html.escape(sentence)}</small>"))


class _TerminalBar(tqdm):
    def say(self, sentence: str) -> None:
        notice(sentence)


class _Silence:
    def update(self, *_):
        pass

    set_postfix_str = close = say = update


def bar(total: int, shown: bool = True):
    """A bar over `total` networks, with methods update, set_postfix_str, close and, after closing, say(sentence).

    Where standard error is a file, there is no bar, but the sentence.
    """
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
