// The whole first journey, as a person with a browser and a service beside it would go it: on both databases, with scripts and without.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ADMINISTRATOR, createVerifier, fill, inDetails, inRow, introspect, press, setUp, signIn, signOut, verify } from "./support/acts.mjs";
import { start, until } from "./support/server.mjs";
import { launch, visit } from "./support/visit.mjs";

const NEW_PASSWORD = "lanterns over the quay";
const run = promisify(execFile);
let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

for (const database of ["sqlite", "postgres"]) {
  for (const scripts of [true, false]) {
    // Covers: S0-4, S0-9, S0-10, S0-11, S0-12, S0-13, S0-14, S0-15, S0-17, S0-20, S0-24, S0-26
    // Covers: S1-4, S1-10, S1-12, S1-13, S1-15, S1-16, S1-17, S1-19, S1-22, S1-33, S2-4, S2-6, S2-7, S2-8, S2-9, S2-10, S2-11, S2-16, S2-17, S2-19, S2-20
    // Covers: S3-1, S3-4, S3-5, S3-6, S3-7, S3-8, S3-11, S3-12, S3-13, S3-17, S3-18, S3-25, S4-1, S4-2, S4-3, S4-4, S4-5, S4-11, S4-17, S4-19
    // Covers: AC-024, AC-029, AC-032, AC-052, AC-074, FC-44
    test(`the first journey on ${database}, ${scripts ? "with" : "without"} scripts`, { timeout: 180_000 }, async () => {
      const app = await start({ database });
      const here = await visit(browser, app, { scripts });
      const elsewhere = await visit(browser, app, { scripts });
      const { page } = here;
      try {
        await firstAdministrator(page, app);
        await wrongThenRight(page);
        await signIn(elsewhere.page);
        await profile(page, scripts);
        await appearance(page, scripts);
        const verifier = await createVerifier(page, "billing");
        const token = await newToken(page, app, scripts);
        await checked(app, verifier, token);
        await revoked(page, app, verifier, token, scripts);
        await deleted(page, app, verifier, token, scripts);
        await told(page, app, token);
        await passwordChanged(page, elsewhere.page, app, scripts);
        await out(page);
        assert.ok(!app.log().includes(token), "the log holds the token");
        await here.end();
        await elsewhere.end();
      } finally {
        await app.stop();
      }
    });
  }
}

async function firstAdministrator(page, app) {
  await page.goto("/");
  await page.goto(app.setupLink);
  assert.notEqual(await page.locator("#code").inputValue(), "", "the link fills in its code");
  await fill(page, { email: ADMINISTRATOR.email, first_name: ADMINISTRATOR.first, last_name: ADMINISTRATOR.last, password: "short", confirm: "shorter" });
  await press(page, "Create administrator");
  const summary = page.getByRole("alert");
  assert.ok((await summary.getByRole("link").count()) >= 2, "too short, and not the same");
  assert.equal(await page.locator("#first_name").inputValue(), ADMINISTRATOR.first, "what was right stays");
  assert.equal(await page.locator("#password").inputValue(), "", "secrets do not come back");

  await setUp(page, app);
  await page.locator(".notice.good").waitFor();
  await page.goto(app.setupLink);
  assert.notEqual(new URL(page.url()).pathname, "/setup", "the page closes for good");
  await signOut(page);
}

async function wrongThenRight(page) {
  await page.goto("/settings/tokens");
  assert.equal(new URL(page.url()).pathname, "/login", "a stranger is asked to sign in");
  await fill(page, { email: ADMINISTRATOR.email, password: "not this one, surely" });
  await press(page, "Sign in");
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("#email").inputValue(), ADMINISTRATOR.email);
  await fill(page, { password: ADMINISTRATOR.password });
  await press(page, "Sign in");
  await page.waitForURL("**/settings/tokens");
}

async function profile(page, scripts) {
  await page.goto("/settings/profile");
  const email = page.locator("#email");
  assert.equal(await email.inputValue(), ADMINISTRATOR.email);
  assert.equal(await email.getAttribute("readonly"), "", "the sign-in name is locked");
  await email.and(page.getByLabel("E-mail")).waitFor();

  await fill(page, { first_name: "Augusta" });
  const save = page.getByRole("button", { name: "Save", exact: true });
  if (scripts) {
    assert.equal(await save.isVisible(), false);
    await page.locator("#first_name").press("Tab");
    await page.getByText("Saved", { exact: true }).first().waitFor();
    await page.locator("[data-announcer]").filter({ hasText: "Saved" }).waitFor();

    await fill(page, { first_name: " " });
    await page.locator("#first_name").press("Tab");
    await page.locator("#first_name-error").waitFor();
    await page.getByText("Not saved.", { exact: true }).waitFor();
  } else {
    await save.click();
    await page.locator(".notice.good").waitFor();
  }
  await page.goto("/settings/profile");
  assert.equal(await page.locator("#first_name").inputValue(), "Augusta", "what is good is kept, what is refused is not");
  assert.equal(await page.locator("#last_name").inputValue(), ADMINISTRATOR.last);
  await page.locator(".account-menu summary").filter({ hasText: "Augusta" }).waitFor();
}

async function appearance(page, scripts) {
  await page.goto("/settings/appearance");
  const theme = () => page.locator("html").getAttribute("data-theme");
  assert.equal(await theme(), "light", "light until chosen otherwise");
  if (scripts) {
    // Clicked as a person does: the label is what is seen.
    await page.getByText("Dark", { exact: true }).click();
    assert.equal(await theme(), "dark", "worn at once");
    await page.getByText("Saved", { exact: true }).first().waitFor();
  } else {
    await page.getByText("Dark", { exact: true }).click();
    await press(page, "Save");
    await page.locator(".notice.good").waitFor();
  }
  await page.goto("/settings/profile");
  assert.equal(await theme(), "dark", "and kept");
}

async function newToken(page, app, scripts) {
  await page.goto("/settings/tokens");
  await page.getByText("keep it secret at all times").waitFor();
  await page.getByRole("link", { name: "Create token" }).click();
  await page.waitForURL("**/settings/tokens/new");
  assert.equal(await page.getByRole("checkbox", { checked: true }).count(), 0, "nothing is selected at first");

  // A slip first: the form comes back as it was.
  await page.getByRole("checkbox", { name: "clients: publish" }).check();
  await press(page, "Create token");
  await page.getByRole("alert").getByRole("link").first().waitFor();
  assert.ok(await page.getByRole("checkbox", { name: "clients: publish" }).isChecked());
  await page.getByRole("checkbox", { name: "clients: publish" }).uncheck();

  await fill(page, { name: "deploy bot", description: "ships what is merged" });
  await page.getByRole("radio", { name: "30 days" }).check();
  await page.getByRole("checkbox", { name: "channels: update" }).check();
  const lower = page.getByRole("checkbox", { name: "channels: read" });
  if (scripts) {
    for (const name of ["channels: read", "channels: list"]) {
      const box = page.getByRole("checkbox", { name });
      assert.ok(await box.isChecked(), `${name} is filled in`);
      assert.equal(await box.getAttribute("aria-disabled"), "true");
    }
    await page.getByText("implied by update", { exact: true }).first().waitFor();
    await lower.click({ force: true });
    assert.ok(await lower.isChecked(), "what is implied cannot be taken away");
  } else {
    assert.ok(!(await lower.isChecked()), "the server will fill it in");
  }
  assert.ok(!(await page.getByRole("checkbox", { name: "channels: delete" }).isChecked()));
  await press(page, "Create token");

  await page.getByRole("heading", { name: "Copy your token now" }).waitFor();
  const secret = await page.locator("#secret").textContent();
  assert.match(secret, /^kst_pat_[0-9A-Za-z]{36}$/);
  if (scripts) await copied(page, secret);
  await downloaded(page, secret);
  const command = await page.locator("#curl").textContent();
  const asked = run("bash", ["-c", command.replace("curl ", "curl --silent --fail ")]);
  asked.child.stdin.end(`${secret}\n`);
  assert.equal(JSON.parse((await asked).stdout).name, "deploy bot", "the command works as it stands, and waits for the secret");

  const token = /^\/settings\/tokens\/[0-9a-z]{26}$/;
  if (scripts) assert.match(new URL(page.url()).pathname, token, "the address is the token's own already");
  await page.reload();
  assert.match(new URL(page.url()).pathname, token);
  assert.ok(!(await page.content()).includes(secret), "a reload does not show it again");
  await page.goto("/settings/tokens");
  assert.equal(await page.getByRole("row", { name: "deploy bot" }).count(), 1, "nor does it make another");
  await page.getByText(`kst_pat_…${secret.slice(-4)}`).waitFor();
  assert.ok(!(await page.content()).includes(secret), "the list masks it");
  await page.getByRole("link", { name: "deploy bot", exact: true }).click();
  assert.ok(!(await page.content()).includes(secret), "so does its page");
  for (const [fact, words] of [["Created", "just now"], ["Expires", "in 30 days"], ["Token", `kst_pat_…${secret.slice(-4)}`]]) {
    await page.locator("dl > div").filter({ hasText: fact }).getByText(words).waitFor();
  }
  const scopes = await page.getByRole("table", { name: "Scopes of this token" }).textContent();
  for (const operation of ["read", "list", "update"]) assert.ok(scopes.includes(operation), `${operation} is kept`);
  return secret;
}

async function copied(page, secret) {
  await page.getByRole("button", { name: "Copy Token" }).click();
  await page.locator("[data-announcer]").filter({ hasText: "Token copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
}

async function downloaded(page, secret) {
  const [download] = await Promise.all([page.waitForEvent("download"), press(page, "Download token file")]);
  assert.equal(download.suggestedFilename(), "personal-token-deploy-bot.json");
  const file = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.deepEqual(Object.keys(file).slice(0, 4), ["name", "token", "created", "expires"]);
  assert.equal(file.name, "deploy bot");
  assert.equal(file.token, secret);
  assert.match(file.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.match(file.expires, /^\d{4}-\d\d-\d\d$/);
}

async function checked(app, verifier, token) {
  const may = (entity_type, operation) => verify(app, verifier, token, { entity_type, operation });
  assert.deepEqual(pick(await verify(app, verifier, token)), { valid: true, code: "VALID" });
  for (const operation of ["update", "read", "list"]) assert.deepEqual(pick(await may("channels", operation)), { valid: true, code: "VALID" });
  for (const [type, operation] of [["channels", "delete"], ["clients", "read"]]) {
    assert.deepEqual(pick(await may(type, operation)), { valid: false, code: "INSUFFICIENT_PERMISSIONS" });
  }
  assert.equal((await introspect(app, verifier, token)).active, true);
  assert.deepEqual(pick(await verify(app, verifier, `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`)), { valid: false, code: "NOT_FOUND" });
}

async function revoked(page, app, verifier, token, scripts) {
  await page.goto("/settings/tokens");
  await page.getByRole("link", { name: "deploy bot", exact: true }).click();
  await page.locator("dl > div").filter({ hasText: "Status" }).getByRole("link", { name: "Revoke" }).click();
  await confirmed(page, scripts, "Revoke token");
  assert.deepEqual(pick(await verify(app, verifier, token)), { valid: false, code: "REVOKED" });
  assert.deepEqual(await introspect(app, verifier, token), { active: false });
  await page.goto("/settings/tokens");
  await page.getByRole("row", { name: "deploy bot" }).getByText("Revoked", { exact: true }).waitFor();
  assert.equal(await (await inDetails(page, "deploy bot", "Revoke")).count(), 0, "what is revoked is not revoked again");
  await page.goto("/settings/tokens");
}

async function deleted(page, app, verifier, token, scripts) {
  await page.goto("/settings/tokens");
  await inRow(page, "deploy bot", "Delete").click();
  await confirmed(page, scripts, "Delete token");
  await page.getByText("No tokens yet").waitFor();
  assert.deepEqual(pick(await verify(app, verifier, token)), { valid: false, code: "NOT_FOUND" });
}

/** With scripts the question comes in a dialog, without them on a page of its own; what it says is the same. */
async function confirmed(page, scripts, button) {
  const question = page.locator("[data-confirm]");
  await question.getByRole("heading", { name: "deploy bot" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), scripts ? 1 : 0);
  await question.getByRole("button", { name: button }).click();
  await page.locator(".notice.good").waitFor();
}

async function told(page, app, token) {
  await page.goto("/settings/logs");
  for (const event of ["created", "revoked", "deleted"]) {
    await page.getByRole("row").filter({ hasText: `Access token ${event}` }).filter({ hasText: "deploy bot" }).first().waitFor();
  }
  assert.ok(!(await page.content()).includes(token));
  const [mail] = await app.mails(1);
  assert.match(mail, /^To: .*ada@example\.com/m);
  assert.ok(mail.includes("deploy bot") && !mail.includes(token));
  await page.goto("/admin/mail");
  await page.getByRole("table").getByRole("link", { name: "token was created" }).first().click();
  await press(page, "Show this mail");
  await page.locator("main").getByText("deploy bot").first().waitFor();
}

async function passwordChanged(page, otherPage, app, scripts) {
  const change = (current, password, confirm = password) => fill(page, { current, password, confirm });
  await page.goto("/settings/security");
  await page.getByText("Change password", { exact: true }).first().click();
  if (scripts) await rulesAreLive(page);
  await change("not this one, surely", NEW_PASSWORD);
  await press(page, "Change password");
  await page.locator("#current-error").waitFor();
  await change(ADMINISTRATOR.password, NEW_PASSWORD, "lanterns over the key");
  await press(page, "Change password");
  await page.locator("#confirm-error").waitFor();

  assert.equal((await otherPage.goto("/settings/profile")).status(), 200);
  assert.equal(new URL(otherPage.url()).pathname, "/settings/profile");
  await change(ADMINISTRATOR.password, NEW_PASSWORD);
  await press(page, "Change password");
  await page.locator(".notice.good").waitFor();
  await page.goto("/settings/security");
  assert.equal(new URL(page.url()).pathname, "/settings/security", "this session goes on");
  await otherPage.goto("/settings/profile");
  assert.equal(new URL(otherPage.url()).pathname, "/login", "the other one has ended");
  const mails = await app.mails(2);
  assert.ok(mails.some((mail) => /password/i.test(/^Subject: (.*)$/m.exec(mail)[1])), "the owner is told");
}

async function rulesAreLive(page) {
  const state = (rule) => page.locator(`[data-rule="${rule}"]`).getAttribute("data-state");
  await page.locator("#password").pressSequentially("Tr1cky!x9");
  await until(async () => (await state("special")) === "met", 2, () => "the rules do not follow the typing");
  assert.deepEqual(await Promise.all(["length", "upper", "lower", "number", "special", "match"].map(state)), ["met", "met", "met", "met", "met", "unmet"]);
  await page.locator("#password").fill(NEW_PASSWORD);
  await until(async () => (await state("upper")) === "optional", 2, () => "a long password needs no capital letter");
  await page.locator("#confirm").fill(NEW_PASSWORD);
  await until(async () => (await state("match")) === "met", 2, () => "both fields match");
}

async function out(page) {
  await page.goto("/settings/profile");
  await signOut(page);
  await page.goBack();
  assert.equal(await page.locator("#first_name").count(), 0, "Back shows nothing private");
  await page.goto("/login");
  await fill(page, { email: ADMINISTRATOR.email, password: ADMINISTRATOR.password });
  await press(page, "Sign in");
  await page.getByRole("alert").waitFor();
  await signIn(page, { ...ADMINISTRATOR, password: NEW_PASSWORD });
}

function pick({ valid, code }) {
  return { valid, code };
}
