// The second factor, in a browser with scripts and in one without.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ADMINISTRATOR, answerTo, fill, press, setUp, signOut } from "./support/acts.mjs";
import { codeOf } from "./support/authenticator.mjs";
import { accessible, fitsItsWidth, valid } from "./support/checks.mjs";
import { start } from "./support/server.mjs";
import { NARROW, WIDE, launch, visit } from "./support/visit.mjs";

let browser;
const apps = [];
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  await Promise.all(apps.map((app) => app.stop()));
});

async function fine(page, name, answer, scripts) {
  if (answer) await valid(await answer.text(), name);
  if (!scripts) return;
  for (const viewport of [WIDE, NARROW]) {
    await page.setViewportSize(viewport);
    await accessible(page, name);
    await fitsItsWidth(page, name);
  }
  await page.setViewportSize(WIDE);
}

/** Types name and password, which lead to the question for the second factor. */
async function halfway(page) {
  await page.goto("/login");
  await fill(page, ADMINISTRATOR_KEYS);
  await press(page, "Sign in");
  await page.waitForURL((url) => url.pathname === "/login/second-factor");
}
const ADMINISTRATOR_KEYS = { email: ADMINISTRATOR.email, password: ADMINISTRATOR.password };

for (const scripts of [true, false]) {
  // Covers: S0-5, S0-6
  test(`a second factor is set up, asked for, lost and replaced, ${scripts ? "with" : "without"} scripts`, { timeout: 240_000 }, async () => {
    const app = await start();
    apps.push(app);
    const here = await visit(browser, app, { scripts });
    const { page } = here;
    await setUp(page, app);
    await page.goto("/settings/security");
    await page.getByRole("link", { name: "Set up an authenticator app" }).click();
    await page.getByRole("heading", { name: "Set up an authenticator app" }).waitFor();
    assert.equal(await page.locator(".qr-code svg").count(), 1);
    await page.getByText("Can't scan it? Type it in").click();
    const secret = await page.locator("#app-secret").textContent();
    await fine(page, "setting up", undefined, scripts);
    await fill(page, { code: "000000" });
    let answer = await answerTo(page, () => press(page, "Turn it on"));
    assert.equal(answer.status(), 422);
    await fine(page, "setting up, refused", answer, scripts);
    assert.equal(await page.locator("#app-secret").textContent(), secret, "the same secret is still there");
    await fill(page, { code: codeOf(secret) });
    answer = await answerTo(page, () => press(page, "Turn it on"));
    assert.equal(answer.status(), 200);
    const codes = (await page.locator("#codes").textContent()).trim().split(/\s+/);
    assert.equal(codes.length, 10);
    await fine(page, "recovery codes", answer, scripts);
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as a file" }).click()]);
    assert.equal(file.suggestedFilename(), "recovery-codes.txt");
    const kept = await readFile(await file.path(), "utf8");
    assert.ok(codes.every((code) => kept.includes(code)));
    // Back and reload: the codes are not shown again.
    await page.getByRole("link", { name: "Done, I have kept them" }).click();
    await page.getByText("You have 10 of 10 recovery codes left.").waitFor();
    await page.goto("/settings/security/second-factor");
    assert.equal(new URL(page.url()).pathname, "/settings/security");
    await fine(page, "security with a second factor", undefined, scripts);

    await signOut(page);
    await halfway(page);
    await fine(page, "second factor", undefined, scripts);
    await fill(page, { code: "123 456" });
    answer = await answerTo(page, () => press(page, "Sign in"));
    assert.equal(answer.status(), 422);
    await fine(page, "second factor, refused", answer, scripts);
    await fill(page, { code: codeOf(secret, 1) });
    await press(page, "Sign in");
    await page.waitForURL((url) => url.pathname === "/settings/profile");

    await signOut(page);
    await halfway(page);
    await page.getByText("Use a recovery code", { exact: true }).click();
    await fill(page, { recovery_code: codes[0].toLowerCase() });
    await press(page, "Sign in with a recovery code");
    await page.waitForURL((url) => url.pathname === "/settings/security");
    await page.locator("main").getByText("You signed in with a recovery code, 9 are left.").waitFor();
    // It confirmed nothing, so removing the lost app asks for the password and another code.
    await page.getByRole("link", { name: "Remove the authenticator app" }).click();
    await page.waitForURL((url) => url.pathname === "/step-up");
    await fine(page, "confirm with a second factor", undefined, scripts);
    await page.getByText("Use a recovery code instead").click();
    await fill(page, { password: ADMINISTRATOR.password, recovery_code: codes[1] });
    await press(page, "Confirm");
    await page.getByRole("heading", { name: "Remove the authenticator app?" }).waitFor();
    await fine(page, "remove the app?", undefined, scripts);
    await press(page, "Remove the app");
    await page.locator("main").getByText("The authenticator app is removed.").waitFor();
    await page.getByRole("link", { name: "Set up an authenticator app" }).waitFor();
    await here.end();
  });
}
