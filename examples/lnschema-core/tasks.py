"""All of the kit's tasks: `invoke --list`."""

from lamin_migrate_kit.tasks import namespace  # noqa: F401
