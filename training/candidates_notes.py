"""What CANDIDATES.md says below its table."""

__all__ = ["NOTES"]

NOTES = """
"""
