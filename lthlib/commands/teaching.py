"""Commands for readers, teachers and translators: lessons, lab, explore, slides, translate, handout."""

import argparse

from lthlib.commands.base import command
from lthlib.lessons import copies, handouts, translations


def add_lessons(commands) -> None:
    """Add the command `lessons` with its options."""
    about = """Copy the lessons into a folder of yours, to run them and to write in them, with the glossary that
    they link to and the shipped results. For those who installed lthlib without cloning its repository."""
    add = command(commands, run_lessons, "copy the lessons into a folder", about)
    add("--to", default=copies.USUAL, metavar="DIR", help=f"the folder ({copies.USUAL}, where you are)")
    add("--force", action="store_true", help="replace files that you have changed")


def run_lessons(options: argparse.Namespace) -> None:
    """Carry out `lessons`, and print the paths of the copied lessons."""
    print(*copies.write(options.to, options.force), sep="\n")


def add_lab(commands) -> None:
    """Add the command `lab` with its options."""
    about = """Open JupyterLab on the lessons: those of this checkout, or a copy, which is made where there is
    none."""
    add = command(commands, run_lab, "open JupyterLab on the lessons", about)
    add("--to", metavar="DIR", help=f"a folder for the copy (none: the checkout's own, or {copies.USUAL})")


def run_lab(options: argparse.Namespace) -> int:
    """Carry out `lab`, and return JupyterLab's exit status."""
    return copies.lab(options.to)


def add_explore(commands) -> None:
    """Add the command `explore` with its options."""
    about = """Write the explorer of lesson 0 as one HTML file, which needs neither a notebook nor a network:
    sliders for round and trial, the methods, and what trials show at each round. Without --results, of what
    is shipped."""
    add = command(commands, run_explore, "an HTML page to look through results", about)
    add("--html", required=True, metavar="FILE", help="the page to write; ends in .html")
    add("--results", metavar="DIR", help="a results folder (none: what is shipped)")
    add("--force", action="store_true", help="overwrite FILE")


def run_explore(options: argparse.Namespace) -> None:
    """Carry out `explore`, and print the path of the page."""
    from lthlib import pages  # here, since it loads matplotlib, which would delay every other command

    print(pages.write(options.html, options.results, options.force))


def add_slides(commands) -> None:
    """Add the command `slides` with its options."""
    about = """Write the slides of the two-hour workshop as one HTML file, from the shipped results: arrows turn
    them, N shows the teacher's notes, and printing gives a slide a sheet."""
    add = command(commands, run_slides, "for teachers: slides for the two-hour workshop", about)
    add("--html", required=True, metavar="FILE", help="the file to write; ends in .html")
    add("--force", action="store_true", help="overwrite FILE")


def run_slides(options: argparse.Namespace) -> None:
    """Carry out `slides`, and print the path of the file."""
    from lthlib.pages import slides  # here, since it loads matplotlib, which would delay every other command

    print(slides.write(options.html, options.force))


def add_translate(commands) -> None:
    """Add the command `translate` with its options."""
    about = "Write the lessons that are translated into a language as notebooks: the same code, with other words."
    add = command(commands, run_translate, "write the lessons in another language", about)
    add("--language", required=True, help=", ".join(f"{c} ({n})" for c, n in translations.LANGUAGES.items()))
    add("--to", metavar="DIR", help="folder for the notebooks (lessons-LANGUAGE, where you are)")
    add("--update", action="store_true", help="for translators: bring the catalogues up to date instead")


def run_translate(options: argparse.Namespace) -> None:
    """Carry out `translate`: write a notebook for each catalogue of a language, or update them."""
    language = options.language
    if options.update:
        paths = [translations.update(lesson, language) for lesson in translations.lessons(language)]
        paths.append(translations.update_library(language))
    else:
        folder = f"lessons-{language}" if options.to is None else options.to
        paths = translations.write_all(folder, language)
    print(*paths, sep="\n")


def add_handout(commands) -> None:
    """Add the command `handout` with its options."""
    about = "Write every lesson without its solutions, all solutions as one Markdown file, and the algorithm on one printed page."
    add = command(commands, run_handout, "for teachers: lessons without solutions, and the solutions", about)
    add("--language", default="en", help=f"en (default), {', '.join(translations.LANGUAGES)}")
    add("--to", default="handout", metavar="DIR", help="folder for them (handout, where you are)")


def run_handout(options: argparse.Namespace) -> None:
    """Carry out `handout`, and print the paths of what was written."""
    print(*handouts.write(options.to, options.language), sep="\n")
