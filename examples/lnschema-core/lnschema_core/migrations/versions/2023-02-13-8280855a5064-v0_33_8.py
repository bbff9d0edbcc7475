"""v0.33.8."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = '8280855a5064'
down_revision = '6a73c00555b4'


def upgrade() -> None:
    op.alter_column("notebook", column_name="user_id", new_column_name="created_by", schema="core")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT notebook_user_id_fkey TO notebook_created_by_fkey")
    op.execute("ALTER INDEX core.ix_core_notebook_user_id RENAME TO ix_core_notebook_created_by")
    op.add_column("notebook", sa.Column("title", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    op.create_index("ix_core_notebook_title", "notebook", ["title"], schema="core")
    op.add_column("run", sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    op.create_index("ix_core_run_name", "run", ["name"], schema="core")
    op.add_column("run", sa.Column("created_by", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    # Whoever made the notebook ran it. For runs outside of any notebook that is whoever came first.
    op.execute(
        "UPDATE core.run SET created_by = coalesce("
        "(SELECT created_by FROM core.notebook WHERE (id, v) = (run.notebook_id, run.notebook_v)),"
        " (SELECT id FROM core.user ORDER BY created_at, id LIMIT 1))"
    )
    op.alter_column("run", "created_by", nullable=False, schema="core")
    op.create_foreign_key(None, "run", "user", ["created_by"], ["id"], source_schema="core", referent_schema="core")
    op.create_index("ix_core_run_created_by", "run", ["created_by"], schema="core")


def downgrade() -> None:
    op.drop_column("run", "created_by", schema="core")
    op.drop_column("run", "name", schema="core")
    op.drop_column("notebook", "title", schema="core")
    op.execute("ALTER INDEX core.ix_core_notebook_created_by RENAME TO ix_core_notebook_user_id")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT notebook_created_by_fkey TO notebook_user_id_fkey")
    op.alter_column("notebook", column_name="created_by", new_column_name="user_id", schema="core")
