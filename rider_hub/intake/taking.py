"""Use case of the job: taking what every sender offers, by pull and from its folder."""

from pathlib import Path

from connectors.errors import FeedError
from rider_hub.access import Actor, Hub
from rider_hub.errors import HubError
from rider_hub.intake import store
from rider_hub.intake.files import take_files
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.pull import pull_sender
from rider_hub.logs import logger

__all__ = ["take_offered"]


async def take_offered(hub: Hub, actor: Actor) -> list[Receipt]:
    """Pull from the senders that have an address, read the folders of those that have one.

    One sender's failure keeps no other from its turn; the first is raised once all had theirs.
    """
    async with hub.look(actor, "feeds.take") as look:
        offering = await store.senders(look.connection, look.scope)
    receipts: list[Receipt] = []
    failed: list[FeedError | HubError] = []
    for sender in offering:
        try:
            receipts += await _take(hub, actor, sender)
        except (FeedError, HubError) as error:
            logger("intake").warning("sender_failed", platform=sender.platform, fault=error.code)
            failed.append(error)
    if failed:
        raise failed[0]
    return receipts


async def _take(hub: Hub, actor: Actor, sender: Sender) -> list[Receipt]:
    receipts: list[Receipt] = []
    if sender.settings.get("url"):
        receipts += await pull_sender(hub, actor, sender.platform)
    if sender.settings.get("folder"):
        folder = Path(str(sender.settings["folder"]))
        receipts += await take_files(hub, actor, sender.platform, folder)
    return receipts
