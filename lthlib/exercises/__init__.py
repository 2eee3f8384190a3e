"""Checks for the exercises of the lessons, one file for each lesson.

Each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""
