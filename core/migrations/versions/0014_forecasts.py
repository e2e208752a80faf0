"""What was foretold of each keyword, and what came of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "forecast_run",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("origin", TIME, nullable=False),
        sa.Column("ahead", sa.SmallInteger(), nullable=False),
        sa.Column("history", sa.SmallInteger(), nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("backtest", JSONB(), server_default="{}", nullable=False),
        sa.Column("made_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["keyword_id"], ["keyword.id"], name=op.f("fk_forecast_run_keyword_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("keyword_id", "subject", "origin", name=op.f("pk_forecast_run")),
    )
    op.create_table(
        "forecast",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("origin", TIME, nullable=False),
        sa.Column("due", TIME, nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("chance", sa.Double(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.Column("actual_place", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["keyword_id"], ["keyword.id"], name=op.f("fk_forecast_keyword_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("keyword_id", "subject", "origin", "due", "way", "place", name=op.f("pk_forecast")),
    )
    op.create_index(op.f("ix_forecast_author_id"), "forecast", ["author_id"])
