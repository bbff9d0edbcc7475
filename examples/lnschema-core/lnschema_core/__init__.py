"""Who made which data, from what, and with which code."""

from lnschema_core.models import DObject, Notebook, Project, Run, RunIn, Storage, Usage, UsageType, User

_schema_id = "yvzi"
_name = "core"
_migration = "8280855a5064"
__version__ = "0.33.8"

__all__ = ["DObject", "Notebook", "Project", "Run", "RunIn", "Storage", "Usage", "UsageType", "User"]
