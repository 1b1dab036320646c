"""Head variants by the name that a HeadSpec gives: one file each."""

from detector.heads.guided import GuidedHead
from detector.heads.metaanchor_reconstruction import MetaAnchorHead
from detector.heads.towers import Head

HEADS = {"towers": Head, "guided": GuidedHead, "metaanchor_reconstruction": MetaAnchorHead}
