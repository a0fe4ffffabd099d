// An organization's keys, as a person makes, copies and deletes them: with scripts and without.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, createOrganization, createVerifier, fill, press, said, verify } from "./support/acts.mjs";
import { fitsItsWidth } from "./support/checks.mjs";
import { start } from "./support/server.mjs";
import { launch, visit } from "./support/visit.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

for (const scripts of [true, false]) {
  // Covers: S4-21, S4-29, S4-30, S4-32, S4-33, S4-34, S4-35
  test(`a key is described, generated, copied and deleted, ${scripts ? "with" : "without"} scripts`, { timeout: 120_000 }, async () => {
    const app = await start({});
    const here = await visit(browser, app, { scripts });
    const { page } = here;
    try {
      await arrive(here, app);
      const verifier = await createVerifier(page, "billing");
      await createOrganization(page, "Acme", "acme");
      await page.goto("/settings/api-keys");
      await page.getByText("No API keys yet").waitFor();
      await page.locator("main").getByRole("link", { name: "Create API key" }).click();
      await fill(page, { description: "Production API Key" });
      await press(page, "Create API key");
      const secret = await page.locator("#secret").textContent();
      assert.match(secret, /^kst_key_[0-9A-Za-z]{36}$/);
      const copy = page.getByRole("button", { name: "Copy Key" });
      assert.equal(await copy.isVisible(), scripts, "a button that does nothing is not shown");
      if (scripts) {
        await copy.click();
        await page.locator("[data-announcer]").filter({ hasText: "Key copied" }).waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
      }
      assert.equal((await verify(app, verifier, secret)).code, "VALID");

      await page.goto("/settings/api-keys");
      const row = page.getByRole("row").filter({ hasText: "Production API Key" });
      await row.getByText(`kst_key_…${secret.slice(-4)}`).waitFor();
      assert.ok(!(await page.content()).includes(secret), "it is shown once");
      await row.getByRole("link", { name: "Delete Production API Key" }).click();
      const question = page.locator("[data-confirm]");
      await question.getByRole("heading", { name: "Delete Production API Key?" }).waitFor();
      assert.equal(await page.getByRole("dialog").count(), scripts ? 1 : 0);
      assert.equal((await verify(app, verifier, secret)).code, "VALID", "asking deletes nothing");
      await question.getByRole("button", { name: "Delete key" }).click();
      await said(page, "The key is deleted.");
      await page.getByText("No API keys yet").waitFor();
      assert.equal((await verify(app, verifier, secret)).code, "NOT_FOUND");
      await here.end();
    } finally {
      await app.stop();
    }
  });
}

const WIDTHS = [1280, 1000, 900, 700, 641, 360];

// Covers: S2-1, S4-17
// Neither a long name nor a window between two layouts pushes a list sideways.
test("lists of keys, members' rights and logs fit their windows", { timeout: 120_000 }, async () => {
  const app = await start({});
  const here = await visit(browser, app);
  const { page } = here;
  try {
    await arrive(here, app);
    await createOrganization(page, "Acme", "acme");
    for (const description of ["Production API key", "x".repeat(90)]) {
      await page.goto("/settings/api-keys/new");
      await fill(page, { description });
      await press(page, "Create API key");
    }
    await page.goto("/organizations/acme/teams/new");
    await fill(page, { name: "y".repeat(90) });
    await page.locator('[name="role"][value="admin"]').check();
    await press(page, "Create team");
    await page.getByRole("link", { name: "Add members" }).click();
    await page.locator('main [name="user"]').first().check();
    await press(page, "Add to team");
    await page.locator(".notice.good").waitFor();
    await page.goto("/organizations/acme/members");
    const member = await page.locator("tbody a.cell-main").first().getAttribute("href");
    for (const path of ["/settings/api-keys", member, "/organizations/acme/logs", "/organizations/acme/teams"]) {
      await page.goto(path);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        await fitsItsWidth(page, `${path} at ${width} px`);
      }
    }
    await here.end();
  } finally {
    await app.stop();
  }
});
