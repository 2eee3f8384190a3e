"""Seeds by purpose, so that no two draws of an experiment share one by accident."""

import hashlib


def seed_for(*parts: str | int) -> int:
    """A seed from 0 to 2**63 - 1 for a purpose, such as `seed_for("order", 2, 5)`, unrelated to all others."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
