"""The lessons and documents as a site that anybody can read without installing anything.

    python -m lthlib.pages.site                    # runs the lessons at profile quick, into build/site
    python -m lthlib.pages.site --profile smoke    # in a few minutes, to try it

`running` runs the lessons and keeps them, `dressing` makes pages of them, `documents` copies the other
pages with their links mended, `composed` writes those that are computed, `reference` those about the code.
Sphinx builds the pages with docs/site/conf.py, and `checking` looks them over.
"""
