"""v0.28.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = '7f18b3c05ea9'
down_revision = 'e2607c4d9b15'


def upgrade() -> None:
    op.add_column("dobject", sa.Column("size", sa.Integer(), nullable=True, comment="In bytes"), schema="core")
    op.add_column("dobject", sa.Column("hash", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    op.create_check_constraint("dobject_size_not_negative", "dobject", "size >= 0", schema="core")
    op.create_index(
        "ix_core_dobject_hash", "dobject", ["hash"], schema="core", postgresql_where=sa.text("hash IS NOT NULL")
    )
    op.create_index("ix_core_dobject_suffix", "dobject", ["suffix"], schema="core")
    op.add_column(
        "storage",
        sa.Column("type", sqm.sql.sqltypes.AutoString(), server_default="local", nullable=False),
        schema="core",
    )
    op.execute("UPDATE core.storage SET type = split_part(root, '://', 1) WHERE root LIKE '%://%'")


def downgrade() -> None:
    op.drop_column("storage", "type", schema="core")
    op.drop_index("ix_core_dobject_suffix", table_name="dobject", schema="core")
    op.drop_column("dobject", "hash", schema="core")
    op.drop_column("dobject", "size", schema="core")
