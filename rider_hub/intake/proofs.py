"""Who signed a request of a sender: by a signing key, or by a test key that opens nothing but trying."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.errors import FeedError
from connectors.transport.signatures import proved
from rider_hub.access import Actor, Hub, Role
from rider_hub.intake import store
from rider_hub.intake.messages import counted_as
from rider_hub.intake.sender_keys import LIVE_KEYS, TEST_KEYS, fresh_key, note_use

__all__ = ["Proof", "prove"]


@dataclass(frozen=True)
class Proof:
    """Who signed a request, by which kind of key, and the id of the request."""

    actor: Actor
    message_id: str

    @property
    def is_test(self) -> bool:
        """Whether a test key signed: then nothing is stored."""
        return Role.TEST_SENDER in self.actor.roles

    @property
    def operation(self) -> str:
        """The operation this key opens."""
        return "feeds.try" if self.is_test else "feeds.push"

    @property
    def counted(self) -> str:
        """The name its messages are bound and counted under: tests take no room from pushes."""
        [platform] = self.actor.scope.platforms
        return counted_as(self.actor.id) if self.is_test else platform


async def prove(
    hub: Hub, platform: str, headers: Mapping[str, str], body: bytes, *, tests: bool = True
) -> Proof:
    """Return who signed; with `tests` it may be by a test key. Raises FeedError (401).

    Signing keys come first: what is signed by both kinds is a push. A refusal is compared with as many keys
    for every platform, with ones that nobody has in place of those it lacks, so that neither the answer nor
    its time tells whether there is such a platform or how many keys it has.
    """
    async with hub.database.read() as connection:
        found = await store.sender_secrets(connection, hub.keys, platform)
    given, now = dict(headers), hub.clock.now()
    try:
        message_id, at = proved(found.signing, given, body, now.timestamp())
    except FeedError as error:
        if error.code != "signature_invalid":
            raise
        return _by_test_key(found, platform, given, body, now, tests=tests)
    await note_use(hub, platform, found.signing[at])
    return Proof(Actor.sender(platform), message_id)


def _by_test_key(
    found: store.SenderSecrets,
    platform: str,
    given: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    tests: bool,
) -> Proof:
    keys = list(found.live_tests(now)) if tests else []
    decoys = LIVE_KEYS + TEST_KEYS - len(found.signing) - len(keys)
    keys += [fresh_key() for _ in range(decoys)]
    message_id, _ = proved(keys, given, body, now.timestamp())
    return Proof(Actor.test_sender(platform), message_id)
