import pytest
from sqlalchemy import text

from core import db


def test_sessions_run_in_utc(engine):
    with engine.connect() as connection:
        assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_usual_ways_to_write_a_postgres_url_work(database_url, scheme):
    engine = db.engine(database_url.replace("postgresql", scheme))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
