"""Change a model, run one command, get a migration that is already proven on a real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

if TYPE_CHECKING:
    from lamin_migrate_kit.deploy import load


def __getattr__(name: str) -> object:
    # Imported on first use: `import lamin_migrate_kit` must stay cheap, because `invoke --list` does it.
    if name == "load":
        from lamin_migrate_kit.deploy import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
