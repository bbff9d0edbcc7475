"""v0.4.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = '3b7e05a9c1d2'
down_revision = '8c2f9d1e4a37'


def upgrade() -> None:
    op.create_table(
        "storage",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("root", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("region", sqm.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("root"),
        schema="core",
    )
    op.add_column("dobject", sa.Column("storage_id", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    # Until now there was one storage for everything, and nobody wrote down which.
    op.execute(
        "INSERT INTO core.storage (id, root) SELECT 'default0', 'unknown' WHERE EXISTS (SELECT FROM core.dobject)"
    )
    op.execute("UPDATE core.dobject SET storage_id = 'default0'")
    op.alter_column("dobject", "storage_id", nullable=False, schema="core")
    op.create_foreign_key(
        None, "dobject", "storage", ["storage_id"], ["id"], source_schema="core", referent_schema="core"
    )
    op.create_index("ix_core_dobject_storage_id", "dobject", ["storage_id"], schema="core")


def downgrade() -> None:
    op.drop_column("dobject", "storage_id", schema="core")
    op.drop_table("storage", schema="core")
