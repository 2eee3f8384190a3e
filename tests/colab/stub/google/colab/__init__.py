from google.colab import drive  # noqa: F401
