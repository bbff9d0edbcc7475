"""v0.1.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = '8c2f9d1e4a37'
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS core")
    op.create_table(
        "user",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="core",
    )
    op.create_index("ix_core_user_email", "user", ["email"], unique=True, schema="core")
    op.create_table(
        "jupynb",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("v", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["core.user.id"]),
        sa.PrimaryKeyConstraint("id", "v"),
        schema="core",
    )
    op.create_index("ix_core_jupynb_name", "jupynb", ["name"], schema="core")
    op.create_index("ix_core_jupynb_user_id", "jupynb", ["user_id"], schema="core")
    op.create_table(
        "run",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("jupynb_id", sqm.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("jupynb_v", sqm.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["jupynb_id", "jupynb_v"], ["core.jupynb.id", "core.jupynb.v"]),
        sa.PrimaryKeyConstraint("id"),
        schema="core",
    )
    op.create_index("ix_core_run_jupynb_id_jupynb_v", "run", ["jupynb_id", "jupynb_v"], schema="core")
    op.create_table(
        "dobject",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("suffix", sqm.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("source_id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["core.run.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema="core",
    )
    op.create_index("ix_core_dobject_name", "dobject", ["name"], schema="core")
    op.create_index("ix_core_dobject_source_id", "dobject", ["source_id"], schema="core")


def downgrade() -> None:
    op.drop_table("dobject", schema="core")
    op.drop_table("run", schema="core")
    op.drop_table("jupynb", schema="core")
    op.drop_table("user", schema="core")
    op.execute("DROP SCHEMA core")
