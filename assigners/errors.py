"""The error of this package."""


class AssignerError(LookupError):
    """Says which assigner cannot be had, and what to do."""
