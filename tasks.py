from lamin_migrate_kit.tasks import namespace

__all__ = ["namespace"]
