"""What people want to track and whether their use may be recorded; keywords that pause."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    op.add_column("account", sa.Column("interest", sa.String(), nullable=True))
    op.add_column("account", sa.Column("usage", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("keyword", sa.Column("paused", sa.Boolean(), server_default="false", nullable=False))
