// Everything by keyboard alone, and always visible where one is.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, createToken, inDetails, said, setUp, terminalCode } from "./support/acts.mjs";
import { codeOf } from "./support/authenticator.mjs";
import { startProvider } from "./support/provider.mjs";
import { start } from "./support/server.mjs";
import { NARROW, launch, visit } from "./support/visit.mjs";

let app, browser, storageState;
before(async () => {
  [app, browser] = await Promise.all([start(), launch()]);
  const first = await visit(browser, app);
  storageState = await arrive(first, app);
  await createToken(first.page, { name: "reader", scopes: ["groups: read"] });
  await first.end();
});
after(async () => {
  await browser?.close();
  await app?.stop();
});

function byKeyboard(name, options, body) {
  test(name, { timeout: 120_000 }, async () => {
    const here = await visit(browser, app, { storageState, ...options });
    await body(here.page);
    await here.end();
  });
}

byKeyboard("the first stop is the link past the menus", {}, async (page) => {
  await page.goto("/settings/profile");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to content");
  const box = await page.locator(":focus").boundingBox();
  assert.ok(box.y >= 0 && box.height > 0, "it shows itself when it is reached");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
});

for (const address of ["/settings/profile", "/settings/security", "/settings/tokens", "/settings/tokens/new", "/settings/appearance", "/settings/logs", "/settings/tokens/delete-all", "/admin", "/admin/policy", "/admin/verifiers", "/admin/mail"]) {
  byKeyboard(`Tab goes through ${address} in order, and shows where it is`, {}, async (page) => {
    await page.goto(address);
    // From the top, whatever has the focus at first.
    await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); });
    let previous = -1;
    for (let stops = 0; ; stops += 1) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const element = document.activeElement;
        const box = element.getBoundingClientRect();
        // A control may leave its mark to the label that is seen in its place.
        const shown = [element, element.nextElementSibling, element.parentElement].filter(Boolean).map((one) => getComputedStyle(one));
        return {
          place: [...document.querySelectorAll("*")].indexOf(element),
          name: element === document.body ? "" : element.outerHTML.slice(0, 120),
          marked: shown.some((style) => (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none"),
          inSight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        };
      });
      if (!stop.name) {
        assert.ok(stops > 5, "the page has stops");
        break;
      }
      assert.ok(stop.marked, `nothing shows that this has the focus: ${stop.name}`);
      assert.ok(stop.inSight, `this has the focus out of sight: ${stop.name}`);
      // The parts of a date are one element with several stops.
      assert.ok(stop.place >= previous, `this comes too late: ${stop.name}`);
      previous = stop.place;
      assert.ok(stops < 200, "the way goes round in circles");
    }
  });
}

// Covers: AC-075
byKeyboard("a terminal is approved without a mouse", {}, async (page) => {
  const code = await terminalCode(page);
  await page.goto("/device");
  // The cursor stands where one types.
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Sign this terminal in?" }).waitFor();
  await tabTo(page, "Approve");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/settings/security");
  assert.match(await page.locator(".notice.good").textContent(), /Approved/);
});

// Covers: S0-11, S3-3, S3-4
byKeyboard("a token is made without a mouse", {}, async (page) => {
  await page.goto("/settings/tokens");
  await tabTo(page, "Create token");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/settings/tokens/new");
  await typesFirstInto(page, "name");
  await page.keyboard.type("made by hand");
  await page.keyboard.press("Tab");
  await page.keyboard.type("no mouse was there");
  await tabTo(page, "90 days");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.evaluate(() => document.activeElement.value), "60");
  await tabTo(page, "channels: update");
  await page.keyboard.press("Space");
  assert.ok(await page.getByRole("checkbox", { name: "channels: list" }).isChecked());
  await tabTo(page, "Create token");
  await page.keyboard.press("Enter");
  await page.locator("#secret").waitFor();
  await tabTo(page, "Copy Token");
  await page.keyboard.press("Enter");
  await page.locator("[data-announcer]").filter({ hasText: "Token copied" }).waitFor();
});

// Covers: S3-20, S3-21
byKeyboard("a token is regenerated without a mouse", {}, async (page) => {
  await page.goto("/settings/tokens");
  const link = await inDetails(page, "reader", "Regenerate");
  await link.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo(page, "90 days");
  await page.keyboard.press("ArrowUp");
  await tabTo(page, "It ends at once");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement.value), "1h");
  await tabTo(page, "Regenerate");
  await page.keyboard.press("Enter");
  await page.locator("#secret").waitFor();
  await page.getByText("The old secret ends").waitFor();
});

// Covers: S3-26
byKeyboard("a selection is ticked and revoked without a mouse", {}, async (page) => {
  await createToken(page, { name: "to be revoked", scopes: ["groups: read"] });
  await page.goto("/settings/tokens");
  await tabTo(page, "Select to be revoked");
  await page.keyboard.press("Space");
  await tabTo(page, "Revoke those ticked");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Revoke 1 token?" }).waitFor();
  await tabTo(page, "Revoke token");
  await page.keyboard.press("Enter");
  await said(page, "You revoked 1 token.");
});

byKeyboard("what is wrong gets the focus and leads to its field", {}, async (page) => {
  await page.goto("/settings/tokens/new");
  await typesFirstInto(page, "name");
  await page.keyboard.press("Enter");
  await page.locator("[role=alert]:focus").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.name), "name");
  assert.match(await page.locator("#name").getAttribute("aria-describedby"), /\bname-error\b/);
});

// Covers: S2-17, S2-18
byKeyboard("a dialog has the focus on the safe choice, closes with Escape and gives the focus back", {}, async (page) => {
  for (const [action, button] of [["Revoke", "Revoke token"], ["Delete", "Delete token"]]) {
    await page.goto("/settings/tokens");
    const link = await inDetails(page, "reader", action);
    await link.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await dialog.getByRole("button", { name: button }).waitFor();
    if (action === "Delete") await dialog.getByText("For later calls you will need a new token.").waitFor();
    assert.equal(await focused(page), "Keep token");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.ok(await link.evaluate((element) => element === document.activeElement), `the focus is back on ${action}`);

    await page.keyboard.press("Enter");
    await dialog.waitFor();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("row", { name: "reader" }).getByText("Active", { exact: true }).waitFor();
  }
});

// Covers: S1-11, S1-32, S2-2, S3-2
byKeyboard("the account menu opens, and closes with Escape", {}, async (page) => {
  await page.goto("/settings/profile");
  const menu = page.locator(".account-menu");
  await menu.locator("summary").focus();
  await page.keyboard.press("Enter");
  for (const name of ["Profile", "Security", "Personal access tokens", "Administration"]) await menu.getByRole("link", { name }).waitFor();
  await menu.getByRole("button", { name: "Logout" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  assert.equal(await menu.getAttribute("open"), null);
  assert.ok(await menu.locator("summary").evaluate((element) => element === document.activeElement));
});

byKeyboard("on a narrow screen the side menu opens, and closes with Escape", { viewport: NARROW }, async (page) => {
  await page.goto("/settings/profile");
  const menu = page.getByRole("navigation", { name: "Account settings" });
  assert.equal(await menu.isVisible(), false);
  const button = page.getByRole("button", { name: "Account settings" });
  await button.focus();
  await page.keyboard.press("Enter");
  await menu.getByRole("link", { name: "Security" }).waitFor();
  assert.equal(await menu.locator("[aria-current=page]").textContent(), "My profile");
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "hidden" });
  assert.ok(await button.evaluate((element) => element === document.activeElement));
});

for (const scripts of [true, false]) {
  // Covers: S0-5, S1-2
  test(`a provider, a second factor and a confirmation need no mouse, ${scripts ? "with" : "without"} scripts`, { timeout: 120_000 }, async () => {
    const provider = await startProvider();
    const app = await start({ settings: { PROVIDERS: provider.settings() } });
    provider.serve(app);
    const first = await visit(browser, app, { scripts });
    await setUp(first.page, app);
    await first.end();
    const here = await visit(browser, app, { scripts, provider });
    const { page } = here;
    const press = async (name) => {
      await tabTo(page, name);
      await page.keyboard.press("Enter");
    };
    const at = (pathname) => page.waitForURL((url) => url.pathname === pathname);
    const atTheProvider = async () => {
      await page.getByRole("heading", { name: "Who are you?" }).waitFor();
      await press("carol");
    };
    try {
      await page.goto("/settings/security/second-factor");
      await press("Continue with Example");
      await atTheProvider();
      await at("/settings/security/second-factor");
      await press("Can't scan it? Type it in");
      const secret = await page.locator("#app-secret").textContent();
      await tabTo(page, "Code");
      await page.keyboard.type(codeOf(secret));
      await page.keyboard.press("Enter");
      const codes = (await page.locator("#codes").textContent()).trim().split(/\s+/);
      await press("Done, I have kept them");
      await at("/settings/security");

      await page.locator(".account-menu summary").focus();
      await page.keyboard.press("Enter");
      await press("Logout");
      await at("/login");
      await press("Continue with Example");
      await at("/login/second-factor");
      await typesFirstInto(page, "code");
      await page.keyboard.type(codeOf(secret, 1));
      await page.keyboard.press("Enter");
      await at("/settings/profile");

      await page.goto("/step-up?next=/settings/tokens/new");
      await press("Continue with Example");
      await atTheProvider();
      await page.waitForURL(/proved=/);
      await press("Use a recovery code instead");
      await tabTo(page, "Recovery code");
      await page.keyboard.type(codes[0]);
      await page.keyboard.press("Enter");
      await at("/settings/tokens/new");
      await here.end();
    } finally {
      await app.stop();
      await provider.stop();
    }
  });
}

/** Which field takes what is typed on a new page: the browser gives it the focus a moment after the page is there. */
function typesFirstInto(page, name) {
  return page.locator(`[name=${name}]:focus`).waitFor();
}

function focused(page) {
  return page.evaluate(() => document.activeElement.textContent.trim());
}

/** Presses Tab until the thing of that name is reached. */
async function tabTo(page, name) {
  for (let stops = 0; stops < 100; stops += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const { activeElement } = document;
      const label = activeElement.labels?.[0]?.firstChild?.textContent;
      return activeElement.getAttribute("aria-label") ?? label ?? activeElement.textContent.trim().replace(/\s+/g, " ");
    });
    if (here === name) return;
  }
  assert.fail(`${name} is not to be reached with Tab`);
}
