"""What must not come back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    written_by = sa.text("(pg_current_xact_id()::text::bigint)")
    op.create_table(
        "tombstone",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=written_by, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_tombstone")),
    )
    op.create_index(op.f("ix_tombstone_seq"), "tombstone", ["seq"])
