"""The version, and where the lessons' Colab badges and set-up cells point (a test keeps them alike)."""

__version__ = "0.1.0"
REPOSITORY = "your_org/lottery-ticket-lessons"
