"""An export of people as two persons take it: asked for, approved by another, downloaded."""

from playwright.async_api import Page

__all__ = ["approved_export"]


async def approved_export(page: Page, approver: Page) -> bytes:
    """Ask for the export of the ledger a page shows, have it approved in another window, take the file."""
    await page.get_by_role("link", name="申请导出").click()
    await page.get_by_label("导出用途").select_option(label="核对台账")
    await page.get_by_label("具体说明").fill("核对本月台账（测试）")
    await page.get_by_role("button", name="申请导出").click()
    await page.wait_for_url("**/approvals/*")
    await approver.goto(page.url)
    await approver.get_by_role("button", name="批准", exact=True).click()
    await approver.get_by_text("已批准").first.wait_for()
    await page.reload()
    href = await page.get_by_role("link", name="下载文件").get_attribute("href")
    answer = await page.request.get(href or "")
    assert answer.ok
    return await answer.body()
