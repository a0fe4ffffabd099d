// Passkeys in Chromium, with an authenticator of its own that a test can turn this way and that.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMINISTRATOR, fill, press, setUp, signIn, signOut } from "./support/acts.mjs";
import { accessible, fitsItsWidth, valid } from "./support/checks.mjs";
import { start, until } from "./support/server.mjs";
import { NARROW, WIDE, launch, visit } from "./support/visit.mjs";

let app, browser;

before(async () => {
  browser = await launch();
  const started = await start();
  // A passkey belongs to a name, and the instance answers to both.
  const named = (address) => address.replace("127.0.0.1", "localhost");
  app = { ...started, base: named(started.base), setupLink: named(started.setupLink) };
  const here = await visit(browser, app);
  await setUp(here.page, app);
  await here.end();
});
after(async () => {
  await browser?.close();
  await app?.stop();
});

/** A visit whose device has a place for passkeys; `device` sets and asks it. It answers by itself, also at the e-mail field, if it is asked there. */
async function visitWithDevice({ autofill = false, ...more } = {}) {
  const here = await visit(browser, app, more);
  if (!autofill) await here.context.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
  const session = await here.context.newCDPSession(here.page);
  await session.send("WebAuthn.enable", { enableUI: false });
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  const device = (method, values = {}) => session.send(`WebAuthn.${method}`, { authenticatorId, ...values });
  return { ...here, device };
}

/** Signs in through the password, and the passkey after it where there is one already. */
async function enter(page) {
  await signIn(page);
  if (new URL(page.url()).pathname !== "/login/second-factor") return;
  await press(page, "Use a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/profile");
}

async function addPasskey(page, name) {
  await page.goto("/settings/security");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await fill(page, { name });
  await press(page, "Create passkey");
  // The first one brings recovery codes.
  await page.locator(".notice.good").or(page.getByRole("heading", { name: "Your recovery codes" })).waitFor();
  await page.goto("/settings/security");
}

/** So that the next test's password signs in alone. */
async function removePasskeys(page) {
  await page.goto("/settings/security");
  while (await rows(page).count()) {
    await page.goto(await rows(page).first().getByRole("link", { name: "Remove" }).getAttribute("href"));
    await press(page, "Remove passkey");
    await page.locator(".notice.good").waitFor();
  }
}

const rows = (page) => page.getByRole("table", { name: /Your passkeys/ }).locator("tbody tr");
const problem = (page) => page.locator("[data-passkey-problem]");

// Covers: AC-031, AC-045, AC-050
test("a passkey is made, signs in, confirms, is renamed and removed", { timeout: 120_000 }, async () => {
  const { page, device, end } = await visitWithDevice();
  await signIn(page);
  await addPasskey(page, "desk");
  assert.equal(await rows(page).count(), 1);
  assert.match(await rows(page).first().innerText(), /desk/);
  const { credentials } = await device("getCredentials");
  assert.equal(credentials.length, 1);
  assert.deepEqual([credentials[0].rpId, credentials[0].isResidentCredential, credentials[0].userName], ["localhost", true, ADMINISTRATOR.email]);

  // The same device does not make a second one for the same account.
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await press(page, "Create passkey");
  await problem(page).filter({ hasText: "already" }).waitFor();

  await signOut(page);
  await page.goto("/login?next=%2Fsettings%2Flogs");
  await page.getByLabel("Keep me signed in").check();
  await press(page, "Sign in with a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/logs");
  assert.match(await page.locator("main").innerText(), /with a passkey/);

  await page.goto("/step-up?next=%2Fsettings%2Ftokens%2Fnew");
  await press(page, "Confirm with a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/tokens/new");
  await page.locator(".notice.good").waitFor();

  await page.goto("/settings/security");
  await rows(page).first().getByRole("link", { name: "Rename" }).click();
  await fill(page, { name: "the old desk" });
  await press(page, "Rename passkey");
  await page.locator(".notice.good").waitFor();
  assert.match(await rows(page).first().innerText(), /the old desk/);

  await rows(page).first().getByRole("link", { name: "Remove" }).click();
  const question = page.getByRole("dialog");
  await question.getByRole("heading", { name: "Remove the old desk?" }).waitFor();
  await question.getByRole("button", { name: "Remove passkey" }).click();
  await page.locator(".notice.good").waitFor();
  assert.equal(await page.getByRole("table", { name: /Your passkeys/ }).count(), 0);

  await signOut(page);
  await press(page, "Sign in with a passkey");
  await page.locator("main [role=alert]").filter({ hasText: "was not accepted" }).waitFor();
  await end();
});

// Covers: AC-050
test("a device that does not check who is there is refused", { timeout: 60_000 }, async () => {
  const { page, device, end } = await visitWithDevice();
  await signIn(page);
  await addPasskey(page, "phone");
  await signOut(page);
  await device("setUserVerified", { isUserVerified: false });
  await press(page, "Sign in with a passkey");
  await problem(page).filter({ hasText: "cancelled, or took too long" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/login");
  // The button works again.
  await device("setUserVerified", { isUserVerified: true });
  await press(page, "Sign in with a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/profile");
  await removePasskeys(page);
  await end();
});

// Covers: AC-050
test("a copy whose count went back is refused, and the true one goes on", { timeout: 60_000 }, async () => {
  const { page, device, end } = await visitWithDevice();
  await signIn(page);
  await addPasskey(page, "key");
  await signOut(page);
  const { credentials: [made] } = await device("getCredentials");
  for (let count = 0; count < 2; count++) {
    await press(page, "Sign in with a passkey");
    await page.waitForURL((url) => url.pathname === "/settings/profile");
    await signOut(page);
  }
  await device("clearCredentials");
  await device("addCredential", { credential: made });
  await press(page, "Sign in with a passkey");
  await page.locator("main [role=alert]").filter({ hasText: "was not accepted" }).waitFor();
  await device("clearCredentials");
  await device("addCredential", { credential: { ...made, signCount: made.signCount + 100 } });
  await press(page, "Sign in with a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/profile");
  await removePasskeys(page);
  await end();
});

test("the browser offers it at the e-mail field", { timeout: 60_000 }, async () => {
  const { page, device, end } = await visitWithDevice({ autofill: true });
  await device("setAutomaticPresenceSimulation", { enabled: false });
  await signIn(page);
  await device("setAutomaticPresenceSimulation", { enabled: true });
  await addPasskey(page, "tablet");
  await device("setAutomaticPresenceSimulation", { enabled: false });
  await signOut(page);
  // A device that answers by itself stands for somebody who chooses it from the list.
  await device("setAutomaticPresenceSimulation", { enabled: true });
  await page.goto("/login");
  await page.waitForURL((url) => url.pathname === "/settings/profile");
  await removePasskeys(page);
  await end();
});

test("without scripts, or in an old browser, the other ways remain", { timeout: 60_000 }, async () => {
  const plain = await visit(browser, app, { scripts: false });
  await plain.page.goto("/login");
  assert.equal(await plain.page.getByRole("button", { name: "Sign in with a passkey" }).isVisible(), false);
  await signIn(plain.page);
  await plain.page.goto("/settings/security/passkeys/new");
  assert.equal(await plain.page.getByRole("button", { name: "Create passkey" }).isVisible(), false);
  await plain.page.getByText("A passkey needs scripts").waitFor();
  await plain.end();

  const old = await visit(browser, app);
  await old.context.addInitScript(() => delete globalThis.PublicKeyCredential);
  await old.page.goto("/login");
  assert.equal(await old.page.getByRole("button", { name: "Sign in with a passkey" }).isVisible(), false);
  await signIn(old.page);
  await old.page.goto("/settings/security/passkeys/new");
  await problem(old.page).filter({ hasText: "This browser cannot use passkeys" }).waitFor();
  assert.equal(await old.page.getByRole("button", { name: "Create passkey" }).isDisabled(), true);
  await old.end();
});

test("where the server gives no options, its page says why, and the name is kept", { timeout: 60_000 }, async () => {
  const { page, problems, end } = await visitWithDevice();
  await signIn(page);
  await page.goto("/settings/security/passkeys/new");
  await fill(page, { name: "waited" });
  await page.route("**/passkeys/options", (route) => route.fulfill({ status: 401, body: "{}" }));
  await press(page, "Create passkey");
  await page.locator("main [role=alert]").filter({ hasText: "could not be added" }).waitFor();
  assert.equal(await page.locator("#name").inputValue(), "waited");
  const [noted] = problems.splice(0, 1);
  assert.match(noted, /status of 401/);
  await end();
});

// Covers: S0-6, S4-18, AC-044
test("it is the second factor after a password", { timeout: 60_000 }, async () => {
  const { page, end } = await visitWithDevice();
  await signIn(page);
  await addPasskey(page, "phone");
  await signOut(page);
  await signIn(page);
  assert.equal(new URL(page.url()).pathname, "/login/second-factor");
  await page.goto("/settings/profile");
  assert.equal(new URL(page.url()).pathname, "/login", "half a sign-in opens nothing");
  await enter(page);
  await removePasskeys(page);
  await end();
});

const states = {
  "sign in": (page) => page.goto("/login"),
  "add one": (page) => page.goto("/settings/security/passkeys/new"),
  "add one, refused": async (page) => {
    await page.goto("/settings/security/passkeys/new");
    await fill(page, { name: "" });
    await Promise.all([page.waitForEvent("load"), page.locator("main form").evaluate((form) => form.submit())]);
  },
  "the list": (page) => page.goto("/settings/security"),
  "rename": async (page) => {
    await page.goto("/settings/security");
    await page.goto(await rows(page).first().getByRole("link", { name: "Rename" }).getAttribute("href"));
  },
  "remove": async (page) => {
    await page.goto("/settings/security");
    await page.goto(await rows(page).first().getByRole("link", { name: "Remove" }).getAttribute("href"));
  },
  "confirm": (page) => page.goto("/step-up"),
};

for (const [look, more] of Object.entries({ "light, wide": { viewport: WIDE }, "dark, narrow": { viewport: NARROW, colorScheme: "dark" } })) {
  test(`its pages, ${look}`, { timeout: 120_000 }, async (t) => {
    const { page, device, end } = await visitWithDevice(more);
    const check = async (name) => {
      await accessible(page, name);
      await fitsItsWidth(page, name);
      await valid(await page.evaluate(async () => (await fetch(location.href)).text()), name);
    };
    await states["sign in"](page);
    await t.test("sign in", () => check("sign in"));
    await device("setAutomaticPresenceSimulation", { enabled: false });
    await device("setAutomaticPresenceSimulation", { enabled: true });
    await press(page, "Sign in with a passkey");
    await problem(page).or(page.locator("main [role=alert]")).first().waitFor();
    await t.test("sign in, nothing there", () => accessible(page, "sign in, nothing there"));
    await signIn(page);
    await addPasskey(page, "a very long name of a passkey that somebody gave it because names are fun, and long ones more");
    for (const [name, open] of Object.entries(states).slice(1)) {
      await open(page);
      await t.test(name, () => check(name));
    }
    await signOut(page);
    await signIn(page);
    await t.test("second factor", () => check("second factor"));
    await enter(page);
    await removePasskeys(page);
    await end();
  });
}

// Covers: AC-036, AC-050
test("it is the second factor beside a forgotten password's link", { timeout: 120_000 }, async () => {
  const { page, device, end } = await visitWithDevice();
  await enter(page);
  await addPasskey(page, "for the link");
  await signOut(page);
  await page.goto("/password/forgot");
  await fill(page, { email: ADMINISTRATOR.email });
  await press(page, "Make the link");
  // Other mails may be on their way, too.
  const link = await until(async () => {
    const mails = (await app.mails()).map((mail) => mail.replace(/=\r?\n/g, ""));
    return mails.map((mail) => /\/password\/reset\/[0-9a-f]{64}/.exec(mail)?.[0]).findLast(Boolean);
  }, 20, () => "no mail with the link");
  const password = "another quiet harbour at dawn";
  await page.goto(link);
  await accessible(page, "a new password with a passkey");
  await fill(page, { password, confirm: password });
  await device("setUserVerified", { isUserVerified: false });
  await press(page, "Set it with my passkey");
  await problem(page).or(page.locator("main .notice.danger")).waitFor();
  await device("setUserVerified", { isUserVerified: true });
  if (!(await page.locator("main [name=password]").inputValue())) await fill(page, { password, confirm: password });
  // Enter is as good as the button.
  await page.locator("main [name=confirm]").press("Enter");
  await page.waitForURL((url) => url.pathname === "/login");
  await signIn(page, { email: ADMINISTRATOR.email, password });
  await press(page, "Use a passkey");
  await page.waitForURL((url) => url.pathname === "/settings/profile");
  await end();
});
