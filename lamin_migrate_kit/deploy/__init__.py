"""Deploying a schema module on an instance: plan, question, lock, migration, record."""

from __future__ import annotations

from lamin_migrate_kit.deploy.apply import Deployment, apply_plan
from lamin_migrate_kit.deploy.errors import (
    DeploymentDeclined,
    DeploymentFailed,
    DeploymentRunning,
    InstanceAhead,
    InstanceBehind,
    InstanceChanged,
    InstanceUnreadable,
    InstanceUnversioned,
    NobodyToAsk,
)
from lamin_migrate_kit.deploy.instance import Instance, parse_instance_url
from lamin_migrate_kit.deploy.loading import load
from lamin_migrate_kit.deploy.plan import DEFAULT_LOCK_TIMEOUT, DEFAULT_WAIT, Plan, Terms, plan_deployment
from lamin_migrate_kit.deploy.question import Asker, ask_at_terminal, require_consent, terminal_asker
from lamin_migrate_kit.deploy.release import Release

__all__ = [
    "DEFAULT_LOCK_TIMEOUT",
    "DEFAULT_WAIT",
    "Asker",
    "Deployment",
    "DeploymentDeclined",
    "DeploymentFailed",
    "DeploymentRunning",
    "Instance",
    "InstanceAhead",
    "InstanceBehind",
    "InstanceChanged",
    "InstanceUnreadable",
    "InstanceUnversioned",
    "NobodyToAsk",
    "Plan",
    "Release",
    "Terms",
    "apply_plan",
    "ask_at_terminal",
    "load",
    "parse_instance_url",
    "plan_deployment",
    "require_consent",
    "terminal_asker",
]
