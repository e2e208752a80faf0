"""How far gaps are filled, and when errands were done."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.add_column("gap", sa.Column("not_filled", sa.String(), nullable=True))
    op.create_table(
        "fill",
        sa.Column("gap_id", sa.BigInteger(), nullable=False),
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("until_id", sa.BigInteger(), nullable=False),
        sa.Column("tweets", sa.Integer(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["gap_id"], ["gap.id"], name=op.f("fk_fill_gap_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["keyword_id"], ["keyword.id"], name=op.f("fk_fill_keyword_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("gap_id", "keyword_id", name=op.f("pk_fill")),
    )
    op.create_table(
        "errand",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_errand")),
    )
