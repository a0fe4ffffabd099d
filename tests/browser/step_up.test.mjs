// "Confirm it is you", with the shortest time that it may hold.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ADMINISTRATOR, answerTo, fill, press, setUp, signIn } from "./support/acts.mjs";
import { accessible, valid } from "./support/checks.mjs";
import { start } from "./support/server.mjs";
import { launch, visit } from "./support/visit.mjs";

let app, browser;
before(async () => ([app, browser] = await Promise.all([start({ settings: { SESSIONS_CONFIRMATION_MINUTES: "1" } }), launch()])));
after(async () => {
  await browser?.close();
  await app?.stop();
});

// Covers: AC-031
test("who took long over a form confirms, and finds it filled in as it was", { timeout: 180_000 }, async () => {
  const visits = [];
  for (const scripts of [true, false]) {
    const here = await visit(browser, app, { scripts });
    await (scripts ? setUp(here.page, app) : signIn(here.page));
    await here.page.goto("/settings/tokens/new");
    const name = `long in coming, ${scripts ? "with" : "without"} scripts`;
    await fill(here.page, { name, description: "thought about" });
    await here.page.getByRole("radio", { name: "30 days" }).check();
    await here.page.getByRole("checkbox", { name: "channels: read" }).check();
    visits.push({ ...here, scripts, name });
  }
  await sleep(61_000);

  for (const { page, end, scripts, name } of visits) {
    await press(page, "Create token");
    await page.getByRole("heading", { name: "Confirm it is you" }).waitFor();
    await fill(page, { password: "not this one" });
    const answer = await answerTo(page, () => press(page, "Confirm"));
    assert.equal(answer.status(), 422);
    await valid(await answer.text(), "confirm it is you");
    if (scripts) await accessible(page, "confirm it is you");
    await fill(page, { password: ADMINISTRATOR.password });
    await press(page, "Confirm");

    assert.equal(await page.locator("#name").inputValue(), name);
    assert.equal(await page.locator("#description").inputValue(), "thought about");
    assert.ok(await page.getByRole("radio", { name: "30 days" }).isChecked());
    assert.ok(await page.getByRole("checkbox", { name: "channels: read" }).isChecked());
    assert.equal(await page.locator("#secret").count(), 0, "nothing happens until the button is pressed again");
    await press(page, "Create token");
    await page.locator("#secret").waitFor();
    await end();
  }
});

