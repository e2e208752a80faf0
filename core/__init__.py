"""What the other packages agree on: settings, tables, writes and reads."""
