"""A database that takes everything but rows of the audit trail, as with a full disk under them."""

from sqlalchemy import text

from rider_hub.access import Hub

__all__ = ["break_trail"]

_SQLITE = """CREATE TRIGGER no_trail BEFORE INSERT ON audit_row
BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"""
_FUNCTION = """CREATE FUNCTION no_trail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"""
_TRIGGER = "CREATE TRIGGER no_trail BEFORE INSERT ON audit_row FOR EACH ROW EXECUTE FUNCTION no_trail()"


async def break_trail(hub: Hub) -> None:
    """Let every insert into the trail fail from now on."""
    async with hub.database.write() as connection:
        for statement in (_SQLITE,) if hub.database.dialect == "sqlite" else (_FUNCTION, _TRIGGER):
            await connection.execute(text(statement))
