"""What is past is added up once: what a keyword's hours count, and the words of its days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply; what there is already is noted as due."""
    moment, labels, counts = sa.DateTime(timezone=True), ARRAY(sa.SmallInteger()), ARRAY(sa.BigInteger())
    op.create_table(
        "past_hour",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("hour", moment, nullable=False),
        sa.Column("labels", labels),
        sa.Column("tweets", counts),
        sa.Column("sentiment_sums", ARRAY(sa.Numeric())),
        sa.Column("sentiment_square_sums", ARRAY(sa.Numeric())),
        sa.Column("tweet_ids", sa.LargeBinary()),
        sa.Column("author_ids", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("keyword_id", "hour", name=op.f("pk_past_hour")),
    )
    op.create_table(
        "past_day",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("day", moment, nullable=False),
        sa.Column("terms", ARRAY(sa.String())),
        sa.Column("labels", labels),
        sa.Column("tweets", counts),
        sa.PrimaryKeyConstraint("keyword_id", "day", name=op.f("pk_past_day")),
    )
    for table, key, empty in (("past_hour", "hour", "author_ids"), ("past_day", "day", "terms")):
        op.create_index(f"ix_{table}_due", table, ["keyword_id", key], postgresql_where=sa.text(f"{empty} IS NULL"))
    for column in ("tweet_ids", "author_ids"):  # ids hardly get smaller, and are to be read quickly
        op.execute(f"ALTER TABLE past_hour ALTER COLUMN {column} SET STORAGE EXTERNAL")
    for table, key, counter, time in (("past_hour", "hour", "trend", "minute"), ("past_day", "day", "term", "hour")):
        known = f"SELECT DISTINCT keyword_id, date_trunc('{key}', {time}) FROM {counter}"  # noqa: S608 - ours
        op.execute(f"INSERT INTO {table} (keyword_id, {key}) {known}")
