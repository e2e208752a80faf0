"""Runs migrations on the connection that core.db hands over."""

from alembic import context

from core.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
