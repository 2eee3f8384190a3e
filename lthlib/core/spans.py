"""Levels in words."""


def spans(levels: list[int]) -> str:
    """Whole numbers in rising order, in words: "level 3", "levels 6, 8, 10 to 200"."""
    runs: list[list[int]] = []
    for level in levels:
        if runs and level == runs[-1][-1] + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    words = ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    return f"level{'s' if len(levels) > 1 else ''} {words}"
