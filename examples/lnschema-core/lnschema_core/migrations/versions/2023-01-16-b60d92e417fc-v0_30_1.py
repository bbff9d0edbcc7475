"""v0.30.1."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = 'b60d92e417fc'
down_revision = '7f18b3c05ea9'


TIMES = {
    "user": ("created_at", "updated_at"),
    "storage": ("created_at", "updated_at"),
    "notebook": ("created_at", "updated_at"),
    "run": ("created_at",),
    "dobject": ("created_at", "updated_at"),
    "usage": ("time",),
}


def alter_times(existing: sa.DateTime, wanted: sa.DateTime) -> None:
    """All times were written in UTC, whatever the time zone of the server."""
    for table, columns in TIMES.items():
        for column in columns:
            op.alter_column(
                table,
                column,
                existing_type=existing,
                type_=wanted,
                postgresql_using=f"{column} AT TIME ZONE 'UTC'",
                schema="core",
            )


def upgrade() -> None:
    alter_times(sa.DateTime(), sa.DateTime(timezone=True))
    op.alter_column("dobject", "size", existing_type=sa.Integer(), type_=sa.BigInteger(), schema="core")


def downgrade() -> None:
    op.alter_column("dobject", "size", existing_type=sa.BigInteger(), type_=sa.Integer(), schema="core")
    alter_times(sa.DateTime(timezone=True), sa.DateTime())
