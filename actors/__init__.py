"""X to tweets: the stream, the spool, and one tracker per keyword."""
