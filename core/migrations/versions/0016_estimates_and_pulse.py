"""How much a query would bring, asked of X before it is tracked; and what runs tells how it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "estimate",
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("asked_at", time, server_default=sa.func.now(), nullable=False),
        sa.Column("answered_at", time),
        sa.Column("posts_a_day", sa.Double()),
        sa.Column("problem", sa.String()),
        sa.PrimaryKeyConstraint("query", name=op.f("pk_estimate")),
    )
    op.create_table(
        "pulse",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("told", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulse")),
    )
