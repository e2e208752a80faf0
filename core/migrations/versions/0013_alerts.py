"""Alerts: the rule of each keyword, how far it is judged, what was told, who saw to it, and how it is delivered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"

TIME = sa.DateTime(timezone=True)


def of_keyword(table: str) -> sa.ForeignKeyConstraint:
    """Return the key by which a table's rows go with their keyword."""
    name = op.f(f"fk_{table}_keyword_id")
    return sa.ForeignKeyConstraint(["keyword_id"], ["keyword.id"], name=name, ondelete="CASCADE")


def of_alert(table: str) -> sa.ForeignKeyConstraint:
    """Return the key by which a table's rows go with their alert."""
    name = op.f(f"fk_{table}_keyword_id")
    return sa.ForeignKeyConstraint(
        ["keyword_id", "at"], ["alert.keyword_id", "alert.at"], name=name, ondelete="CASCADE"
    )


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "alert_rule",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("per_week", sa.Double(), server_default="1", nullable=False),
        sa.Column("muted_until", TIME),
        of_keyword("alert_rule"),
        sa.PrimaryKeyConstraint("keyword_id", name=op.f("pk_alert_rule")),
    )
    op.create_table(
        "alert_watch",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("both_at", TIME),
        sa.Column("began", TIME),
        sa.Column("level", sa.String()),
        sa.Column("last_at", TIME),
        of_keyword("alert_watch"),
        sa.PrimaryKeyConstraint("keyword_id", name=op.f("pk_alert_watch")),
    )
    op.create_table(
        "alert",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("episode", TIME, nullable=False),
        sa.Column("numbers", JSONB(), nullable=False),
        sa.Column("made_at", TIME, server_default=sa.func.now(), nullable=False),
        of_keyword("alert"),
        sa.PrimaryKeyConstraint("keyword_id", "at", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_at"), "alert", ["at"])
    op.create_table(
        "alert_mark",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("account_id", sa.Integer()),
        sa.Column("marked_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_alert_mark_account_id"), ondelete="SET NULL"
        ),
        of_alert("alert_mark"),
        sa.PrimaryKeyConstraint("keyword_id", "at", name=op.f("pk_alert_mark")),
    )
    op.create_table(
        "delivery",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("error", sa.String()),
        sa.Column("done_at", TIME),
        of_alert("delivery"),
        sa.PrimaryKeyConstraint("keyword_id", "at", "channel", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_due_at"), "delivery", ["due_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_table(
        "rehearsal",
        sa.Column("keyword_id", sa.Integer(), nullable=False),
        sa.Column("per_week", sa.Double(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("told", JSONB(), nullable=False),
        of_keyword("rehearsal"),
        sa.PrimaryKeyConstraint("keyword_id", "per_week", name=op.f("pk_rehearsal")),
    )
