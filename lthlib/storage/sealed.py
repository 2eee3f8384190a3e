"""JSON files with a checksum inside, written whole or not at all."""

import hashlib
import json
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically


def seal(content: dict) -> bytes:
    """The content as JSON, with its checksum."""
    return json.dumps({**content, "checksum": checksum(content)}).encode()


def unseal(data: bytes) -> dict | None:
    """The content of a sealed file without its checksum; None where the checksum does not fit. Raises what
    JSON of another shape raises: ValueError, KeyError, AttributeError, TypeError, RecursionError."""
    content = json.loads(data)
    return content if content.pop("checksum") == checksum(content) else None


def checksum(content: dict) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Write a file of a results folder. Raises LotteryError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> LotteryError:
    advice = "make room or choose another results folder; what was finished before is kept"
    return LotteryError(f"{path} could not be written ({reason(error)}): {advice}.")


def reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())
