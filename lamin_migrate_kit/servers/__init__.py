"""Where a Postgres comes from."""

from __future__ import annotations

from lamin_migrate_kit.servers.chooser import open_server
from lamin_migrate_kit.servers.server import Server, open_engine, server_answers

__all__ = ["Server", "open_engine", "open_server", "server_answers"]
