"""The only module that touches Alembic's EnvironmentContext, its runner and its autogenerate internals.

Everything here works without the author's `env.py`: what it would configure follows from the `SchemaModule`.
Alembic's `op` and `context` are proxies of the process, so that runs of two threads take turns.
"""

from __future__ import annotations

from lamin_migrate_kit.alembic_bridge.comparing import SecondOpinionUnavailable, compare
from lamin_migrate_kit.alembic_bridge.failing import RevisionFailed, ServerLost, refuses_values
from lamin_migrate_kit.alembic_bridge.offline import PlannedStep, downgrade_sql, plan_steps, upgrade_sql
from lamin_migrate_kit.alembic_bridge.quiet import quiet_process
from lamin_migrate_kit.alembic_bridge.runner import Ask, Runner, Step
from lamin_migrate_kit.alembic_bridge.running import current_revision, downgrade, upgrade
from lamin_migrate_kit.alembic_bridge.script import Script, open_script
from lamin_migrate_kit.alembic_bridge.type_rendering import render_type
from lamin_migrate_kit.alembic_bridge.watching import Statement

__all__ = [
    "Ask",
    "PlannedStep",
    "RevisionFailed",
    "Runner",
    "Script",
    "SecondOpinionUnavailable",
    "ServerLost",
    "Statement",
    "Step",
    "compare",
    "current_revision",
    "downgrade",
    "downgrade_sql",
    "open_script",
    "plan_steps",
    "quiet_process",
    "refuses_values",
    "render_type",
    "upgrade",
    "upgrade_sql",
]
