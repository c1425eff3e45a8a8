"""The message that tells a rider of an invitation; it names neither activity nor body."""

import msgspec

from rider_hub.access import Change, Keyring
from rider_hub.messages.service import cancel, post
from rider_hub.outreach.model import Invitation
from rider_hub.outreach.rules import Figures, may_message
from rider_hub.riders.store import identities

__all__ = ["announce", "take_back"]

#: Read over a shoulder or on a shared phone, it tells nothing.
_TEXT = "【骑手服务】您有一条新的活动消息，请登录骑手页面查看；不想再收到，可随时在页面上撤回。"


async def announce(work: Change, keys: Keyring, invitation: Invitation, figures: Figures) -> Invitation:
    """Put the message into the outbox if one may leave now, else leave it to a later pass.

    The caller holds the rider's record and has seen the consent live in this transaction.
    """
    if invitation.message is not None or not may_message(work.now, figures):
        return invitation
    person = (await identities(work, keys, [invitation.rider_id])).get(invitation.rider_id)
    if person is None or not person.phone:
        return invitation
    message = await post(work, keys, "invitation", person.phone, {"text": _TEXT})
    return msgspec.structs.replace(invitation, message=message)


async def take_back(work: Change, invitation: Invitation) -> None:
    """Stop the message of an invitation if it has not left yet."""
    if invitation.message is not None:
        await cancel(work, invitation.message)
