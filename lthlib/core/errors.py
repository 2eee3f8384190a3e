"""The one kind of error a user of lthlib is meant to read."""


class LotteryError(ValueError):
    """A problem its reader can mend. The message is one sentence: the value given, what is allowed, and a
    likely fix. The command line prints it alone and exits with status 2."""
