"""What is counted in a range of time is in the index by which the range is found."""

from alembic import op

revision = "0015"
down_revision = "0014"

NAME = "ix_tweet_keyword_id_created_at"


def upgrade() -> None:
    """Apply."""
    op.drop_index(op.f(NAME), table_name="tweet")
    counted = ["author_id", "sentiment", "label", "matched"]
    op.create_index(op.f(NAME), "tweet", ["keyword_id", "created_at"], postgresql_include=counted)
