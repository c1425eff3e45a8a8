"""All use cases of intake under one name; each stands in the module of its subject."""

from rider_hub.intake.batches import Source, take_batch
from rider_hub.intake.quarantine import expire_quarantine, open_row, release_held, replay, return_row
from rider_hub.intake.senders import export_feed_key, new_signing_key, register_sender, signing_key_bytes

__all__ = [
    "Source",
    "expire_quarantine",
    "export_feed_key",
    "new_signing_key",
    "open_row",
    "register_sender",
    "release_held",
    "replay",
    "return_row",
    "signing_key_bytes",
    "take_batch",
]
