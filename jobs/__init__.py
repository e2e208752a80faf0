"""Tweets to scores: what needs all authors or all history, on Spark."""
