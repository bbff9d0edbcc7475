"""v0.9.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = 'c94d1f7b2e60'
down_revision = '3b7e05a9c1d2'


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "type",
            sa.Enum("ingest", "insert", "query", "update", "delete", "load", name="usage_type", schema="core"),
            nullable=False,
        ),
        sa.Column("user_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("time", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("dobject_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["dobject_id"], ["core.dobject.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["core.user.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema="core",
    )
    op.create_index("ix_core_usage_dobject_id", "usage", ["dobject_id"], schema="core")
    op.create_index("ix_core_usage_time", "usage", [sa.text("time DESC")], schema="core")
    op.create_index("ix_core_usage_type", "usage", ["type"], schema="core")
    op.create_index("ix_core_usage_user_id", "usage", ["user_id"], schema="core")


def downgrade() -> None:
    op.drop_table("usage", schema="core")
    op.execute("DROP TYPE core.usage_type")
