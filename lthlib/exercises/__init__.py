"""Checks for the exercises of the lessons, one file for each lesson.

Each takes the reader's function and tries properties that a right answer must have. It prints one line:
"Right", "Not yet" with one sentence that helps, or "Not tried yet" for a function that still returns None.
In strict mode (`LTHLIB_STRICT=1`) a wrong answer raises WrongAnswer.
"""
