"""The handout of one page: the algorithm, its controls, how to read its figures, and room for predictions. It
fits a printed sheet of A4, in black and white too."""

import html

from lthlib.lessons import glossary
from lthlib.plots import drawings

TITLE = "The Lottery Ticket Hypothesis on one page"
CLAIM = (
    "A dense network contains a sparse subnetwork, a winning ticket, that is reset to its original initial weights, trained "
    "alone, and as accurate as the whole network in as many iterations or fewer."
)
ALGORITHM = """mask = ones
for level in 0 .. rounds:
    trained = train(mask * theta_0)             # reset, then train to the end
    record(level, accuracy, early_stop)         # level 0 is the dense network
    mask = prune(trained.weights, mask, rate)   # the smallest weights go"""
WORDS = ("theta_0", "mask", "rate", "density", "early stop", "control", "trial", "winning ticket")
QUESTIONS = (
    "How few weights may a ticket keep and still match the dense network?",
    "What does the same mask do with new random weights (reinit)?",
    "Does pruning in one shot find tickets as small as pruning in rounds?",
    "Which result would change your mind about the hypothesis?",
)
STYLE = """
@page { size: A4; margin: 12mm }
body { font: 10.5pt/1.35 Helvetica, Arial, sans-serif; color: #222; max-width: 186mm; margin: 0 auto }
h1 { font-size: 16pt; margin: 0 0 1mm } h2 { font-size: 10.5pt; margin: 2.5mm 0 1mm }
p { margin: 0 0 1.5mm } img { width: 100%; display: block }
pre { font-size: 9.6pt; line-height: 1.4; background: #f1f4f8; padding: 2mm 3mm; margin: 2mm 0 0 }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 6mm }
dl { margin: 0; columns: 2; column-gap: 6mm; font-size: 9.8pt } dt { font-weight: bold; display: inline }
dd { display: inline; margin: 0 } dd::after { content: ""; display: block; margin-bottom: 1mm }
@media screen and (max-width: 700px) {
  body { padding: 0 4mm } .two { grid-template-columns: minmax(0, 1fr) } dl { columns: 1 } pre { overflow-x: auto }
}
ol { margin: 0; padding-left: 5mm } li { border-bottom: 0.3mm solid #98a1ad; padding-bottom: 9mm; margin-bottom: 1mm }
"""


def page() -> str:
    """The handout as an HTML page that needs nothing else: print it, or save it as PDF, from a browser."""
    picture = {name: getattr(drawings, name)()._repr_html_() for name in ("the_loop", "controls", "reading_a_density_curve")}
    words = "".join(f"<div><dt>{html.escape(term)}</dt> <dd>{html.escape(_in_short(term))}</dd></div>" for term in WORDS)
    questions = "".join(f"<li>{html.escape(question)}</li>" for question in QUESTIONS)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{TITLE}</title><style>{STYLE}</style></head><body>
<h1>{TITLE}</h1>
<p>{CLAIM} (Frankle &amp; Carbin, ICLR 2019)</p>
<div class="two">
<section><h2>The algorithm</h2>{picture["the_loop"]}</section>
<section><h2>The controls: which part matters?</h2>{picture["controls"]}</section>
</div>
<pre>{html.escape(ALGORITHM)}</pre>
<div class="two">
<section><h2>How to read a figure</h2>{picture["reading_a_density_curve"]}</section>
<section><h2>Before you run anything: my predictions</h2><ol>{questions}</ol></section>
</div>
<h2>Words</h2><dl>{words}</dl>
</body></html>
"""


def _in_short(term: str) -> str:
    """The first sentence of a definition, which stands alone."""
    return glossary.FIRST_SENTENCE.match(glossary.about(term))[0]
