"""All jobs by name; a job composes use cases and has no rules of its own."""

from jobs import (
    deliver_messages,
    expire_kept,
    gather_verifications,
    link_registrations,
    match_counties,
    prune_trail,
    publish_totals,
    rewrite_private,
    surface_invitations,
    take_feeds,
    track_requests,
    verify_trail,
    watch_feeds,
)
from jobs.job import Job

__all__ = ["registry"]

_MODULES = (
    take_feeds,
    link_registrations,
    match_counties,
    surface_invitations,
    track_requests,
    deliver_messages,
    expire_kept,
    rewrite_private,
    verify_trail,
    prune_trail,
    gather_verifications,
    publish_totals,
    watch_feeds,
)


def registry() -> dict[str, Job]:
    """Return all jobs by name."""
    return {module.JOB.name: module.JOB for module in _MODULES}
