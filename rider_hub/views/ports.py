"""What every capability does when a rider withdraws, asks for a copy or for erasure; put together once."""

from rider_hub.assignments import ports as assignments
from rider_hub.consent import own_copy
from rider_hub.consent.ports import Ports
from rider_hub.intake import ports as intake
from rider_hub.membership import ports as membership
from rider_hub.outreach import answers
from rider_hub.requests import ports as requests
from rider_hub.riders import ports as riders

__all__ = ["wired"]


def wired() -> Ports:
    """Return the ports as the application and the jobs use them."""
    return Ports(
        on_withdrawn=(answers.cancel_withdrawn,),
        # First what finds its rows by those of the archive, and last the archive.
        erase=(
            intake.erase,
            answers.erase,
            membership.erase,
            requests.erase,
            assignments.erase,
            riders.erase,
        ),
        export=(own_copy.export, assignments.export, requests.export, intake.export),
        export_private=(membership.export, answers.export, requests.export_confidential),
    )
