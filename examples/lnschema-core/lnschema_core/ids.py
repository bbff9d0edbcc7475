"""Random ids of letters and digits, long enough for what they name."""

import secrets
import string

_ALPHABET = string.digits + string.ascii_letters


def base62(length: int) -> str:
    """A random string of letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def user() -> str:
    return base62(8)


def project() -> str:
    return base62(8)


def storage() -> str:
    return base62(8)


def notebook() -> str:
    return base62(12)


def run() -> str:
    return base62(20)


def dobject() -> str:
    return base62(20)
