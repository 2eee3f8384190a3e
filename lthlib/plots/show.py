"""A figure in a notebook or a page: its picture, and sentences for readers who cannot see it."""

import base64
import html
import io
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded


def show(figure: Figure, text: str = "", save: str | Path = "") -> None:
    """Display a figure in a notebook with sentences that describe it, as its caption and for readers who
    cannot see it. Empty `text` takes the description that the figure carries. `save` names a PNG file to
    write as well; empty writes none. Raises LotteryError for a figure of your own without a text."""
    from IPython.display import HTML, display

    display(HTML(as_html(figure, text, save)))


def as_html(figure: Figure, text: str = "", save: str | Path = "") -> str:
    """What `show` displays, as HTML: for a widget whose picture changes."""
    text = text or figure.get_label()
    if not text:
        advice = "pass show(figure, text) a sentence for readers who cannot see it"
        raise LotteryError(f"the figure has no description: {advice}.")

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Description": text})
    if save:
        save = expanded(save)
        save.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(save, dpi=150, metadata={"Description": text})
    plt.close(figure)
    caption = f"<figcaption><i>{html.escape(text)}</i></figcaption>"
    return picture_as_html(png, text, "max-width: 100%", caption)


def on_white(picture: io.BytesIO | Path) -> Image.Image:
    """A picture with white where it is transparent."""
    with Image.open(picture) as image:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image).convert("RGB")


def picture_as_html(png: io.BytesIO, text: str, css: str, caption: str) -> str:
    """A PNG file with its alternative text and its caption, which is HTML; `css` sets its width."""
    source = base64.b64encode(png.getvalue()).decode()
    image = f'<img alt="{html.escape(text)}" style="{css}" src="data:image/png;base64,{source}">'
    return f'<figure style="margin: 0">{image}{caption}</figure>'
