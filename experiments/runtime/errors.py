"""User errors: printed as one sentence on stderr, exit status 2."""

import errno
from difflib import get_close_matches


class UserError(Exception):
    """Says what is wrong, where, and what to do."""


def unknown(kind: str, name: str, names: list[str]) -> UserError:
    """The error for a name that is not one of `names`, with its nearest neighbour."""
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Known: {', '.join(names)}.")


def disk_sentence(error: OSError) -> str:
    """The sentence for a disk that is full, gone or not ours."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Free some of it (a finished run needs no checkpoint*.pt)" if full else "Fix that"
    where = f"{error.filename or 'The disk that is written to'}: {error.strerror or error}"
    return f"{where}. All that was saved before is intact. {advice}, then run the same command again."
