"""On Google Colab: results that outlive the session, in a folder of the user's Drive."""

import os
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice

DRIVE = Path("/content/drive")


def keep_results(folder: str) -> None:
    """Keep results and data in this folder of the user's Drive: what a session has trained, the next one finds.

    An empty name keeps nothing. Asks for leave to use the Drive, as Colab does. Raises LotteryError where it is not given, or the
    name is not of a folder inside the Drive.
    """
    if not folder:
        return
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        raise LotteryError(f"drive_folder is {folder!r}: name a folder inside your Drive, such as 'lottery-tickets'.")
    from google.colab import drive  # only there

    try:
        drive.mount(str(DRIVE))
    except Exception as error:  # what it raises is not documented
        raise LotteryError(f"Drive was not mounted ({error}): allow it when asked, or leave drive_folder empty.") from error
    home = DRIVE / "MyDrive" / folder
    for name, variable in (("results", "LTHLIB_RESULTS"), ("data", "LTHLIB_DATA")):
        (home / name).mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(home / name)
    notice(f"Results are kept in {home}.")
