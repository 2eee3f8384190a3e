"""Makes a kernel look like one of Colab's: google.colab is imported before the first cell runs."""

import google.colab  # noqa: F401
