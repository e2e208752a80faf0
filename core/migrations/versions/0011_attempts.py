"""How often a window of influence was begun."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    op.add_column("influence_run", sa.Column("attempts", sa.Integer(), server_default="1", nullable=False))
