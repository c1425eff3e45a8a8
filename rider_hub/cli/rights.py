"""rights: a rider's copy, correction and erasure, carried out for a person who asked at the counter."""

import json
from pathlib import Path
from typing import cast

import click

from rider_hub.access import Actor, Hub
from rider_hub.access.inputs import takes
from rider_hub.cli.running import as_user, echo_json, run_as
from rider_hub.consent.copying import copy_for_staff, copy_schema, encoded
from rider_hub.consent.correcting import correct_for_staff
from rider_hub.consent.erasing import clear_erased, erase_for_staff, store_again
from rider_hub.errors import Absent, Invalid
from rider_hub.riders.corrections import FIELDS, Field
from rider_hub.riders.store import find_by_phone
from rider_hub.views.ports import wired
from rider_hub.views.rights import match_anew

__all__ = ["rights"]

_rider = click.argument("rider", required=False)
_phone = click.option("--phone", help="The rider's phone number instead of the id.")
_purpose = click.option("--purpose", required=True, help="Who asked, and how the person was confirmed.")


@click.group()
def rights() -> None:
    """Riders' rights over their data: see docs/rights.md."""


@rights.command("copy")
@_rider
@_phone
@as_user
@_purpose
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@takes()
def rights_copy(rider: str | None, phone: str | None, username: str, purpose: str, out: Path) -> None:
    """Write a rider's copy, without what is only the rider's own: that opens on their phone page alone."""

    async def work(hub: Hub, actor: Actor) -> bytes:
        rider_id = await _who(hub, actor, rider, phone)
        copy, _ = await copy_for_staff(hub, actor, wired(), rider_id, purpose)
        return encoded(copy)

    if out.exists():
        raise click.ClickException(f"{out} 已存在，不覆盖。/ {out} is there already and is not overwritten.")
    content = run_as(username, work)
    with out.open("xb") as file:
        out.chmod(0o600)
        file.write(content)
    left_out = json.loads(content)["left_out"]
    click.echo("\n".join([str(out), *left_out]))


@rights.command("correct")
@_rider
@_phone
@as_user
@_purpose
@click.option("--registration", required=True, metavar="PLATFORM/REF", help="Which registration.")
@click.option("--field", "field", type=click.Choice(FIELDS), required=True, help="What is wrong.")
@click.option("--value", default="", help="What is right.")
@click.option("--take-away", is_flag=True, help="Of a phone: it is somebody else's, and no other is known.")
@takes()
def rights_correct(  # noqa: PLR0917 - one option each
    rider: str | None,
    phone: str | None,
    username: str,
    purpose: str,
    registration: str,
    field: str,
    value: str,
    *,
    take_away: bool,
) -> None:
    """Correct a field of a registration, and all that was made from it; the county is matched anew."""
    if (field == "phone" and not value) != take_away:
        # An empty value, say of an unset shell variable, must not lose a phone.
        raise click.UsageError(
            "手机号更正要给 --value；确定是别人的号码才用 --take-away。"
            " / Give a phone's --value, or --take-away where it is somebody else's."
        )

    async def work(hub: Hub, actor: Actor) -> None:
        rider_id = await _who(hub, actor, rider, phone)
        county = await correct_for_staff(
            hub,
            actor,
            rider_id,
            registration_ref=registration,
            field=cast("Field", field),
            value=value,
            purpose=purpose,
        )
        await match_anew(hub, county)

    run_as(username, work)
    click.echo("已更正；平台再报旧值时保持更正。/ Corrected; it stays when the platform sends the old value.")


@rights.command("erase")
@_rider
@_phone
@as_user
@_purpose
@click.option("--yes", is_flag=True, help="Don't ask again.")
@takes()
def rights_erase(rider: str | None, phone: str | None, username: str, purpose: str, *, yes: bool) -> None:
    """Erase a rider everywhere and clear the files; prints what stays and the codes for the rider."""
    if not yes:
        click.confirm("删除后不能恢复，确定吗？/ This can't be undone. Erase?", abort=True)

    async def work(hub: Hub, actor: Actor) -> dict[str, object]:
        rider_id = await _who(hub, actor, rider, phone)
        done = await erase_for_staff(hub, actor, wired(), rider_id, purpose)
        await clear_erased(hub, actor)
        return {"rows": done.rows, "again": done.again, "kept": done.kept}

    echo_json(run_as(username, work))


@rights.command("again")
@click.option("--platform", required=True)
@click.option("--ref", required=True, help="The platform's own reference of the rider.")
@as_user
@_purpose
@takes()
def rights_again(platform: str, ref: str, username: str, purpose: str) -> None:
    """Let an erased registration be stored again, for a rider who asks and has lost the code."""

    async def work(hub: Hub, actor: Actor) -> bool:
        return await store_again(hub, actor, platform, ref, purpose)

    click.echo("已允许 / done" if run_as(username, work) else "没有这条删除记录 / nothing was erased there")


@rights.command("schema")
@takes()
def rights_schema() -> None:
    """Print the JSON Schema of a copy."""
    echo_json(copy_schema())


async def _who(hub: Hub, actor: Actor, rider: str | None, phone: str | None) -> str:
    if bool(rider) == bool(phone):
        raise Invalid("请给出骑手编号，或用 --phone 给出手机号。", "Give either the rider's id or --phone.")
    if rider:
        return rider
    async with hub.look(actor, "rights.handle") as look:
        found = await find_by_phone(look.connection, hub.keys, phone or "")
    if found is None:
        raise Absent
    return found
