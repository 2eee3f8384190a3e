"""On Google Colab: results that outlive the session, in a folder of the user's Drive."""

import os
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice

DRIVE = Path("/content/drive")


def keep_results(folder: str) -> None:
    """Keep results and data in this folder of the user's Drive, so that the next session finds them. An empty
    name keeps nothing. Colab asks the user for access to the Drive. Raises LotteryError where it is denied,
    or where the name is not of a folder inside the Drive."""
    if not folder:
        return
    if Path(folder).is_absolute() or folder.startswith("~") or ".." in Path(folder).parts:
        advice = "name a folder inside your Drive, such as 'lottery-tickets'"
        raise LotteryError(f"drive_folder is {folder!r}: {advice}.")
    from google.colab import drive  # only there

    try:
        drive.mount(str(DRIVE))
    except Exception as error:  # what it raises is not documented
        advice = "allow it when asked, or leave drive_folder empty"
        raise LotteryError(f"Drive was not mounted ({error}): {advice}.") from error
    home = DRIVE / "MyDrive" / folder
    for name, variable in (("results", "LTHLIB_RESULTS"), ("data", "LTHLIB_DATA")):
        (home / name).mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(home / name)
    notice(f"Results are kept in {home}.")
