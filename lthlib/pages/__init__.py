"""Pages that need no kernel: the explorer of results as one HTML file."""

from lthlib.pages.explorer import page, write
