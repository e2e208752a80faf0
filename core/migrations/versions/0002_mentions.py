"""Who a tweet mentions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    ids = sa.ARRAY(sa.BigInteger())
    mentioned: sa.Column[list[int]] = sa.Column("mentioned_ids", ids, server_default="{}", nullable=False)
    op.add_column("tweet", mentioned)
