"""What an influence score is made of, its rank, and the audience of a keyword."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

POINTS = ("followers_points", "listed_points", "tweet_points", "engagement_points", "mentions_points")


def upgrade() -> None:
    """Apply."""
    time = sa.DateTime(timezone=True)
    op.add_column("keyword", sa.Column("half_life_hours", sa.Double()))
    op.add_column("influence_run", sa.Column("stage", sa.String()))
    for name in (*POINTS, "share"):
        op.add_column("influence", sa.Column(name, sa.Double()))
    for name in ("rank", "rank_low", "rank_high", "mentions"):
        op.add_column("influence", sa.Column(name, sa.Integer()))
    for name in ("first_tweet_at", "last_tweet_at"):
        op.add_column("influence", sa.Column(name, time))
    op.create_table(
        "audience",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("window_end", time, nullable=False),
        sa.Column("tweets", sa.BigInteger(), nullable=False),
        sa.Column("voices", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("followers_count", sa.BigInteger()),
        sa.ForeignKeyConstraint(["keyword_id"], ["keyword.id"], name="fk_audience_keyword_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("keyword_id", "window_end", name="pk_audience"),
    )
