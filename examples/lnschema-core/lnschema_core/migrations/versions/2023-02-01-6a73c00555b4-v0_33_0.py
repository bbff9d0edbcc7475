"""v0.33.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa
from sqlalchemy.dialects import postgresql

revision = '6a73c00555b4'
down_revision = 'b60d92e417fc'


def upgrade() -> None:
    op.execute("ALTER TYPE core.usage_type RENAME VALUE 'query' TO 'select'")
    op.execute("ALTER TYPE core.usage_type ADD VALUE 'link'")
    op.create_table(
        "project",
        sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_by", sqm.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["core.user.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema="core",
        comment="What runs belong to",
    )
    op.create_index("ix_core_project_created_by", "project", ["created_by"], schema="core")
    op.create_index("ix_core_project_name", "project", ["name"], schema="core")
    op.add_column("run", sa.Column("project_id", sqm.sql.sqltypes.AutoString(), nullable=True), schema="core")
    op.create_foreign_key(None, "run", "project", ["project_id"], ["id"], source_schema="core", referent_schema="core")
    op.create_index("ix_core_run_project_id", "run", ["project_id"], schema="core")
    op.add_column(
        "run",
        sa.Column("params", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        schema="core",
    )


def downgrade() -> None:
    op.drop_column("run", "params", schema="core")
    op.drop_column("run", "project_id", schema="core")
    op.drop_table("project", schema="core")
    # Postgres cannot take a value away from an enum type: another type takes its place.
    op.execute("ALTER TYPE core.usage_type RENAME TO usage_type_with_link")
    op.execute("CREATE TYPE core.usage_type AS ENUM ('ingest', 'insert', 'query', 'update', 'delete', 'load')")
    op.execute(
        "ALTER TABLE core.usage ALTER COLUMN type TYPE core.usage_type USING"
        " CASE type::text WHEN 'select' THEN 'query' WHEN 'link' THEN 'load' ELSE type::text END::core.usage_type"
    )
    op.execute("DROP TYPE core.usage_type_with_link")
