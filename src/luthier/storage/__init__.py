"""The package that writes files."""
