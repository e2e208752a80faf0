"""Why X does not take a keyword's query."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.add_column("keyword", sa.Column("refused", sa.String(), nullable=True))
