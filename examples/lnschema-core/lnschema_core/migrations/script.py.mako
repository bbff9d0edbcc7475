% if message and message != "empty message":
"""vX.X.X.

${message}
"""
% else:
"""vX.X.X."""
% endif
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa
% if imports:
${imports}
% endif

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
