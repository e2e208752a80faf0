"""A small X on your own machine, for the demo and the tests: people who do not exist, on loopback."""
