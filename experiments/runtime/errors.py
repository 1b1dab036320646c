"""What a person did can be mended: the command prints the sentence on stderr and leaves with code 2."""

from difflib import get_close_matches


class UserError(Exception):
    """Says what is wrong, where, and what to do."""


def unknown(kind: str, name: str, known: list[str]) -> UserError:
    """The error for a name that is not one of `known`, with its nearest neighbour."""
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Known: {', '.join(known)}.")
