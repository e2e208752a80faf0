"""Tables to pages: the marketer's app."""
