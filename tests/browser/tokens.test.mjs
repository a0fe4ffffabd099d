// The ways of tokens beyond the first journey, as a person goes them: with scripts and without.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, createToken, createVerifier, fill, inDetails, press, said, verify } from "./support/acts.mjs";
import { start } from "./support/server.mjs";
import { launch, visit } from "./support/visit.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** On an instance of its own, with scripts and without. */
function bothWays(name, settings, body) {
  for (const scripts of [true, false]) {
    test(`${name}, ${scripts ? "with" : "without"} scripts`, { timeout: 120_000 }, async () => {
      const app = await start({ settings });
      const here = await visit(browser, app, { scripts });
      try {
        await arrive(here, app);
        await body({ app, page: here.page, scripts });
        await here.end();
      } finally {
        await app.stop();
      }
    });
  }
}

const names = (page) => page.locator(".token-table .cell-main").allTextContents();

// Covers: S0-14, S0-15, S3-8, S3-9
bothWays("the matrix fills in what a right implies, and the sentence says it", {}, async ({ page, scripts }) => {
  await page.goto("/settings/tokens/new");
  const box = (name) => page.getByRole("checkbox", { name });
  await box("groups: delete").check();
  await box("channels: publish").check();
  if (scripts) {
    for (const name of ["groups: update", "groups: read", "groups: list"]) assert.ok(await box(name).isChecked(), name);
    await page.getByText("implied by delete", { exact: true }).first().waitFor();
    const sentence = page.locator("[data-sentence]");
    assert.equal(await sentence.textContent(), "The token can publish to all channels; read, list, update and delete all groups, " + (await page.locator("[name=expiry]:checked").getAttribute("data-until")) + ".");
    await box("groups: delete").uncheck();
    assert.ok(!(await box("groups: read").isChecked()), "what was only implied goes with it");
    await box("groups: delete").check();
  }
  // A single thing gets a row of its own.
  await page.getByText("Only for single things").click();
  await page.getByLabel("Kind", { exact: true }).selectOption("clients");
  await fill(page, { entity_id: "42", name: "deploy bot" });
  await press(page, "Add a row for it");
  // The page goes on where one was: at the new row, and not at its head.
  const row = page.getByRole("row", { name: "Clients 42" });
  assert.ok(await row.evaluate((element) => element === document.activeElement), "the new row has the focus");
  await page.keyboard.press("Tab");
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^clients 42: /);
  await page.getByRole("checkbox", { name: "clients 42: read" }).check();
  assert.equal(await page.locator("#name").inputValue(), "deploy bot", "what was typed stays");
  assert.ok(await box("channels: publish").isChecked());
  await press(page, "Create token");
  await page.locator("#secret").waitFor();
  await page.getByText("It can publish to all channels; read and list clients 42; read, list, update and delete all groups.").waitFor();
});

// Covers: S0-21, S0-22, S3-20, S3-21
bothWays("a token is regenerated, and the old secret goes on for a while", {}, async ({ app, page, scripts }) => {
  const verifier = await createVerifier(page, "billing");
  const old = await createToken(page, { name: "deploy bot", scopes: ["channels: read"] });
  await page.goto("/settings/tokens");
  await page.getByRole("link", { name: "deploy bot", exact: true }).click();
  await page.locator(".fact-actions").getByRole("link", { name: "Regenerate" }).click();
  const question = page.locator("[data-confirm]");
  await question.getByRole("heading", { name: "Regenerate deploy bot?" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), scripts ? 1 : 0);
  await question.getByRole("radio", { name: "30 days" }).check();
  await question.getByRole("radio", { name: "It works for another 24 hours" }).check();
  await question.getByRole("button", { name: "Regenerate" }).click();
  const fresh = await page.locator("#secret").textContent();
  assert.notEqual(fresh, old);
  for (const secret of [old, fresh]) assert.equal((await verify(app, verifier, secret)).code, "VALID");
  await page.getByRole("link", { name: "Done, I have kept it" }).click();
  await page.getByText("The old secret still works").waitFor();
  await press(page, "End it now");
  await page.locator(".notice.good").waitFor();
  assert.equal((await verify(app, verifier, old)).code, "SUPERSEDED");
  assert.equal((await verify(app, verifier, fresh)).code, "VALID");
});

// Covers: S3-26, S3-25, S3-22
bothWays("a selection is revoked, and all are deleted by a typed phrase", {}, async ({ page, scripts }) => {
  for (const name of ["one", "two", "three"]) await createToken(page, { name, scopes: ["channels: read"] });
  await page.goto("/settings/tokens");
  const all = page.getByRole("checkbox", { name: "Select all on this page" });
  assert.equal(await all.count(), scripts ? 1 : 0, "what a script does is there with scripts alone");
  for (const name of ["one", "three"]) await page.getByRole("checkbox", { name: `Select ${name}` }).check();
  if (scripts) {
    await all.click();
    assert.ok(await page.getByRole("checkbox", { name: "Select two" }).isChecked());
    await page.getByRole("checkbox", { name: "Select two" }).uncheck();
    assert.ok(!(await all.isChecked()));
  }
  await press(page, "Revoke those ticked");
  await page.getByRole("heading", { name: "Revoke 2 tokens?" }).waitFor();
  await press(page, "Revoke tokens");
  await said(page, "You revoked 2 tokens.");
  await page.getByRole("navigation", { name: "Status" }).getByRole("link", { name: "Revoked" }).click();
  assert.deepEqual(await names(page), ["three", "one"]);
  assert.equal(await (await inDetails(page, "one", "Revoke")).count(), 0);
  await page.getByRole("link", { name: "Delete all" }).click();
  const question = page.locator("[data-confirm]");
  await question.getByRole("heading", { name: "Delete all your tokens?" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), scripts ? 1 : 0);
  await question.getByLabel("Type “delete all my tokens” to go on").fill("delete all my tokens");
  await question.getByRole("button", { name: "Delete all tokens" }).click();
  await said(page, "You deleted 3 tokens.");
  await page.getByText("No tokens yet").waitFor();
});

// Covers: S2-7, S2-8, S2-9, S2-10, S2-11, S2-14, S2-15, S2-16, S2-17, S2-18, S2-19, S2-20, S2-21
bothWays("one token at a time: generated, copied, deleted, generated again", { TOKENS_MAX_PER_USER: "1" }, async ({ page, scripts }) => {
  await page.goto("/settings/tokens");
  const field = page.locator(".one-token code");
  assert.equal(await field.textContent(), "");
  await page.getByRole("group", { name: "Expires in" }).getByRole("radio", { name: "30 days" }).check();
  await press(page, "Generate");
  await page.getByText("Copy the token now and store it in a safe place.").waitFor();
  const secret = await field.textContent();
  assert.match(secret, /^kst_pat_[0-9A-Za-z]{36}$/);
  if (scripts) {
    await page.getByRole("button", { name: "Copy Token" }).click();
    await page.locator("[data-announcer]").filter({ hasText: "Token copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  }
  for (const [fact, words] of [["Created", "just now"], ["Expires", "in 30 days"]]) {
    await page.locator(".one-token + .facts > div").filter({ hasText: fact }).getByText(words).waitFor();
  }
  await page.goto("/settings/tokens");
  assert.equal(await field.textContent(), `kst_pat_…${secret.slice(-4)}`);
  assert.equal(await page.getByRole("button", { name: "Generate" }).count(), 0);
  await page.getByRole("link", { name: "Delete the token" }).click();
  const question = page.locator("[data-confirm]");
  await question.getByText("You will need to generate a new token for future calls.").waitFor();
  assert.equal(await page.getByRole("dialog").count(), scripts ? 1 : 0);
  await question.getByRole("button", { name: "Confirm" }).click();
  await said(page, "The token is deleted.");
  assert.equal(await field.textContent(), "");
  await press(page, "Generate");
  assert.notEqual(await field.textContent(), secret);
});

bothWays("an administrator looks what a new maximum would cut, and cuts", {}, async ({ page }) => {
  for (const [name, days] of [["a year", "365"], ["a week", "7"]]) await createToken(page, { name, days, scopes: ["channels: read"] });
  await page.goto("/admin");
  await page.locator("main").getByRole("link", { name: "Rules for tokens" }).click();
  await fill(page, { max_days: "30", preset_days: "7, 30" });
  await press(page, "Review the change");
  await page.getByRole("heading", { name: "1 token is cut" }).waitFor();
  assert.deepEqual(await page.getByRole("table").locator(".cell-main").allTextContents(), ["a year"]);
  await press(page, "Set it and cut 1 token");
  await said(page, "The rules hold from now on, and 1 token is cut.");
  assert.equal(await page.locator("#max_days").inputValue(), "30");
  await page.goto("/settings/tokens/new");
  assert.equal(await page.locator("[name=expiry]").count(), 3, "7, 30, and a date");
});
