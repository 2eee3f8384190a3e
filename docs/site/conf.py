"""How Sphinx builds the site. The sources are made by `python -m lthlib.pages.site`, which calls it."""

import re
from pathlib import Path

import latex2mathml.converter
from docutils import nodes

import lthlib
from lthlib.lessons import translations
from lthlib.pages.site import reference

UNNAMED = re.compile(r"<[^<>]* at 0x\w+>")

project = "Lottery tickets, lesson by lesson"
author = "The lthlib authors"
copyright = "the lthlib authors, MIT licence"
version = release = lthlib.__version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.githubpages"]
nitpicky = False
suppress_warnings = ["myst.xref_missing", "myst.header", "docutils", "toc.not_included", "ref.python", "autodoc"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere: outputs are HTML already
html_math_renderer = "mathml"  # drawn by the browser itself

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["predictions.js"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = "%Y-%m-%d"
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],  # the theme would show a second search there
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": ["copyright.html", "last-updated.html"],
}


def plain_docstring(app, what, name, obj, options, lines: list[str]) -> None:
    """Docstrings are plain text with `code` in backticks."""
    lines[:] = reference.as_rst(lines)


def readable_default(app, what, name, obj, options, signature: str, returns: str):
    """A default that has no name, such as a function's, is left out: its address would change each time."""
    return (UNNAMED.sub("...", signature), returns) if signature else None


def say_the_language(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """A translated lesson says its language, for readers' voices and for fonts."""
    folder = Path(pagename).parts[0]
    if folder in translations.LANGUAGES:
        context["language"] = folder


def math(writer, node) -> None:
    """An equation as MathML, which browsers draw without a script."""
    display = "inline" if isinstance(node, nodes.math) else "block"
    writer.body.append(latex2mathml.converter.convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app) -> None:
    """Tell Sphinx of the functions above."""
    app.connect("autodoc-process-docstring", plain_docstring)
    app.connect("autodoc-process-signature", readable_default)
    app.connect("html-page-context", say_the_language)
    app.add_html_math_renderer("mathml", (math, None), (math, None))
