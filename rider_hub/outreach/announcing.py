"""The messages that tell a rider of an invitation and of its end; they name neither activity nor body."""

from collections.abc import Iterable

import msgspec

from rider_hub.access import Change, Keyring
from rider_hub.messages.service import CANCELLATION, cancel, post, post_once
from rider_hub.outreach.model import Invitation
from rider_hub.outreach.rules import Figures, may_message
from rider_hub.outreach.store import activities_by_id
from rider_hub.riders.store import identities

__all__ = ["announce", "call_off"]

#: Read over a shoulder or on a shared phone, it tells nothing.
_TEXT = "【骑手服务】您有一条新的活动消息，请登录骑手页面查看；不想再收到，可随时在页面上撤回。"
#: The same for every activity and body, and for whatever ended it.
_CALLED_OFF = "【骑手服务】此前的活动通知已取消，请忽略。"


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


async def call_off(work: Change, keys: Keyring, rider_id: str, invitations: Iterable[Invitation]) -> None:
    """Stop the messages of invitations that end; what has left is called off, day or night, by one message.

    Nothing is said of an activity that has begun, nor to a rider whom no message had reached. The caller
    holds the rider's record.
    """
    left = [each for each in invitations if each.message is not None and await cancel(work, each.message)]
    activities = await activities_by_id(work.connection, (each.activity for each in left))
    if not any(activity.starts_at > work.now for activity in activities.values()):
        return
    person = (await identities(work, keys, [rider_id])).get(rider_id)
    if person is not None and person.phone:
        await post_once(work, keys, CANCELLATION, person.phone, {"text": _CALLED_OFF})
