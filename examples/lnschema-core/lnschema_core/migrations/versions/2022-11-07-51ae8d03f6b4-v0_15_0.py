"""v0.15.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = '51ae8d03f6b4'
down_revision = 'c94d1f7b2e60'


def upgrade() -> None:
    op.rename_table("jupynb", "notebook", schema="core")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT jupynb_pkey TO notebook_pkey")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT jupynb_user_id_fkey TO notebook_user_id_fkey")
    op.execute("ALTER INDEX core.ix_core_jupynb_name RENAME TO ix_core_notebook_name")
    op.execute("ALTER INDEX core.ix_core_jupynb_user_id RENAME TO ix_core_notebook_user_id")
    op.alter_column("run", column_name="jupynb_id", new_column_name="notebook_id", schema="core")
    op.alter_column("run", column_name="jupynb_v", new_column_name="notebook_v", schema="core")
    op.execute("ALTER TABLE core.run RENAME CONSTRAINT run_jupynb_id_jupynb_v_fkey TO run_notebook_id_notebook_v_fkey")
    op.execute("ALTER INDEX core.ix_core_run_jupynb_id_jupynb_v RENAME TO ix_core_run_notebook_id_notebook_v")


def downgrade() -> None:
    op.execute("ALTER INDEX core.ix_core_run_notebook_id_notebook_v RENAME TO ix_core_run_jupynb_id_jupynb_v")
    op.execute("ALTER TABLE core.run RENAME CONSTRAINT run_notebook_id_notebook_v_fkey TO run_jupynb_id_jupynb_v_fkey")
    op.alter_column("run", column_name="notebook_v", new_column_name="jupynb_v", schema="core")
    op.alter_column("run", column_name="notebook_id", new_column_name="jupynb_id", schema="core")
    op.execute("ALTER INDEX core.ix_core_notebook_user_id RENAME TO ix_core_jupynb_user_id")
    op.execute("ALTER INDEX core.ix_core_notebook_name RENAME TO ix_core_jupynb_name")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT notebook_user_id_fkey TO jupynb_user_id_fkey")
    op.execute("ALTER TABLE core.notebook RENAME CONSTRAINT notebook_pkey TO jupynb_pkey")
    op.rename_table("notebook", "jupynb", schema="core")
