"""What the demo's own jobs do while it is served."""

from tests.browser.conftest import SignIn
from tests.browser.demo_server import DemoServer


async def test_every_job_of_the_demo_runs_through(sign_in: SignIn, demo: DemoServer) -> None:
    """Each scheduled job, run now beside the server, ends well: platforms still answer, folders stand."""
    names = [line.split()[0] for line in demo.command("jobs", "list").stdout.splitlines()]
    assert "take_feeds" in names
    ran = demo.commands(["jobs", "run", name, "--as", "xitong"] for name in names)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["0"] * len(names), ran.stdout + ran.stderr
    page = await sign_in("xitong")
    await page.goto("/jobs?state=failed")
    cures = await page.locator(".ledger-table tbody tr").all_inner_texts()
    assert cures == []
