"""v0.21.2."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = 'e2607c4d9b15'
down_revision = '51ae8d03f6b4'


def upgrade() -> None:
    op.create_table(
        "run_in",
        sa.Column("run_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dobject_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["dobject_id"], ["core.dobject.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["core.run.id"]),
        sa.PrimaryKeyConstraint("run_id", "dobject_id"),
        schema="core",
    )
    op.create_index("ix_core_run_in_dobject_id", "run_in", ["dobject_id"], schema="core")
    op.add_column("user", sa.Column("handle", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    op.add_column("user", sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    # The part before the @ may be taken: the id makes it unique.
    op.execute("UPDATE core.user SET handle = split_part(email, '@', 1) || '-' || id")
    op.alter_column("user", "handle", nullable=False, schema="core")
    op.create_index("ix_core_user_handle", "user", ["handle"], unique=True, schema="core")
    op.create_index("ix_core_user_name", "user", ["name"], schema="core")


def downgrade() -> None:
    op.drop_column("user", "name", schema="core")
    op.drop_column("user", "handle", schema="core")
    op.drop_table("run_in", schema="core")
