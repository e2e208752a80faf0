"""Counters without a number of their own, and no look at the keyword for each row: both cost at every tweet."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    for table in ("trend", "term"):
        op.drop_column(table, "id")
    for table in ("tweet", "trend", "term"):
        op.drop_constraint(op.f(f"fk_{table}_keyword_id"), table, type_="foreignkey")
