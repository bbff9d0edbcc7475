"""The last line of defence: no password leaves the process in a text, whoever wrote the text."""

from __future__ import annotations

import re

_IN_URL = re.compile(r"(?P<start>[a-z][a-z0-9+.\-]*://[^\s/:@]*:)(?P<secret>[^\s/]+)(?=@)", re.IGNORECASE)
_IN_SETTING = re.compile(
    r"(?P<start>\b(?:pg)?password\s*[=:]\s*)(?P<secret>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&'\",)]+)",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Replace what looks like a password in URLs and connection strings by `***`."""
    for pattern in (_IN_URL, _IN_SETTING):
        text = pattern.sub(lambda found: f"{found['start']}***", text)
    return text
