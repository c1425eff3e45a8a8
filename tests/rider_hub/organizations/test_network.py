"""The network of a real county, whole and as the ladder of one community."""

from pathlib import Path

from rider_hub.clock import FixedClock, local_date
from rider_hub.organizations import network
from tests.factories import make_hub
from tests.rider_hub.assignments.county import COUNTY, NOW, bring_in_county


async def test_the_ladder_of_a_community_says_what_the_whole_network_says(
    database_url: str, tmp_path: Path
) -> None:
    """For every community, who answers for it, its street and its county is the same either way."""
    async with make_hub(database_url, tmp_path, FixedClock()) as hub:
        county = await bring_in_county(hub)
        communities = [each.code for each in county.world.divisions if each.level == "community"]
        async with hub.database.read() as connection:
            whole = await network.load(connection, COUNTY, local_date(NOW))
            for community in communities[:: max(1, len(communities) // 40)]:
                ladder = await network.load_ladder(connection, community, local_date(NOW))
                places = [("community", community), ("street", community[:9]), ("county", COUNTY)]
                assert [ladder.covering.get(p) for p in places] == [whole.covering.get(p) for p in places]
                assert ladder.industry == whole.industry
    assert len(communities) > 100
