"""The `tierkit` command."""
