// Signing in with a real OpenID provider, on another site: on both databases, with scripts and without.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ADMINISTRATOR, fill, press, setUp, signIn, signOut } from "./support/acts.mjs";
import { codeOf } from "./support/authenticator.mjs";
import { PEOPLE, answerAs, startProvider } from "./support/provider.mjs";
import { start } from "./support/server.mjs";
import { launch, visit } from "./support/visit.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const WAYS = ["sqlite", "postgres"].flatMap((database) => [true, false].map((scripts) => ({ database, scripts })));
const named = ({ database, scripts }) => `on ${database}, ${scripts ? "with" : "without"} scripts`;

/** A provider, and an instance that knows it; `body` gets both and a maker of visits, and all of it ends afterwards. */
async function among({ database, scripts }, { settings, keys = {}, set = true }, body) {
  const provider = await startProvider();
  const app = await start({ database, settings: { ...settings, PROVIDERS: provider.settings(keys) } });
  provider.serve(app);
  const visits = [];
  const enter = async () => {
    const here = await visit(browser, app, { scripts, provider });
    visits.push(here);
    return here.page;
  };
  try {
    const first = await enter();
    if (set) await setUp(first, app);
    await body({ app, provider, enter, first });
    for (const here of visits) await here.end();
  } finally {
    await app.stop();
    await provider.stop();
  }
}

const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const says = (page, words) => page.locator(".notice").getByText(words).waitFor();
const connected = (page) => page.getByRole("table", { name: "Your connected accounts" }).locator("tbody tr");
const where = (page) => new URL(page.url()).pathname;
const follow = (page, name) => page.locator("main").getByRole("link", { name, exact: true }).click();

/** From the sign-in page to the provider's, and back as somebody. */
async function through(page, who, from = "/login") {
  await page.goto(from);
  await follow(page, "Continue with Example");
  await answerAs(page, who);
}

for (const way of WAYS) {
  // Covers: S1-2, AC-007, AC-087, AC-088
  test(`newcomers, owners and strangers come through a provider, ${named(way)}`, { timeout: 180_000 }, () => among(way, {}, async ({ app, provider, enter, first }) => {
    // A newcomer comes back to where she wanted to go, and her form is filled in.
    const carol = await enter();
    await carol.goto("/settings/tokens/new?name=from+a+link");
    await follow(carol, "Continue with Example");
    await answerAs(carol, "carol");
    await carol.waitForURL((url) => url.pathname === "/settings/tokens/new");
    await says(carol, "Welcome. Your account is made");
    assert.equal(await carol.locator("#name").inputValue(), "from a link");
    await carol.goto("/settings/profile");
    assert.deepEqual([await carol.locator("#first_name").inputValue(), await carol.locator("#last_name").inputValue()], ["Carol", "Shaw"]);
    await signOut(carol);

    // The provider knows her still; it has a new key since.
    provider.rotate();
    await follow(carol, "Continue with Example");
    await carol.waitForURL((url) => url.pathname === "/settings/profile");
    assert.equal(provider.asked.filter((path) => path === "/jwks").length, 2, "the new key was looked for once");

    // Ada has an account with this address: nobody gets in by the address alone.
    await signOut(first);
    await through(first, "ada");
    await heading(first, "Whose account is this?");
    await follow(first, "Sign in and connect");
    await fill(first, { email: ADMINISTRATOR.email, password: ADMINISTRATOR.password });
    await press(first, "Sign in");
    await heading(first, "Connect Example?");
    await first.goto("/settings/security");
    assert.equal(await connected(first).count(), 0, "nothing is connected by looking");
    await first.goBack();
    await press(first, "Connect");
    await says(first, "The account is connected. From now on it signs you in here");
    await signOut(first);
    await follow(first, "Continue with Example");
    await first.waitForURL((url) => url.pathname === "/settings/profile");
    await first.goto("/admin");
    await heading(first, "Administration");

    // Her password lets her in without it, so she may take it away, and connect it again.
    await first.goto("/settings/security");
    await connected(first).getByRole("button", { name: `Disconnect ${PEOPLE.ada.email} at Example` }).click();
    await says(first, "The account is disconnected");
    assert.equal(await connected(first).count(), 0);
    await follow(first, "Connect Example");
    await heading(first, "Connect Example?");
    await follow(first, "Not now");
    assert.equal(await connected(first).count(), 0);
    await follow(first, "Connect Example");
    await press(first, "Connect");
    await says(first, "The account is connected.");
    // Carol's is her only way in, and Ada's is Ada's alone.
    await carol.goto("/settings/security");
    await connected(carol).getByRole("button", { name: /^Disconnect/ }).click();
    await says(carol, "It is your only way in");
    assert.equal(await connected(carol).count(), 1);

    // Nobody vouches for Dora's address, so she gets no account.
    const dora = await enter();
    await through(dora, "dora");
    await heading(dora, "Whose account is this?");
    assert.match(await dora.locator("main").innerText(), /No account here is connected with dora@example\.com at Example yet\./);
    await dora.goto("/settings/profile");
    assert.equal(where(dora), "/login");

    const subjects = (await app.mails(2)).map((mail) => /^Subject: (.*)$/m.exec(mail)[1]);
    assert.equal(subjects.filter((subject) => /Example was (dis)?connected/i.test(subject)).length, 3, subjects.join("\n"));
  }));

  // Covers: AC-087, FC-40
  test(`who cancels, tampers, or finds the provider down goes on otherwise, ${named(way)}`, { timeout: 180_000 }, () => among(way, {}, async ({ provider, enter }) => {
    const page = await enter();
    // Down before anybody came: the page says so, and passwords go on working.
    await provider.down();
    await page.goto("/login");
    await follow(page, "Continue with Example");
    await heading(page, "Example is not answering");
    await follow(page, "Back to sign in");
    await fill(page, { email: ADMINISTRATOR.email, password: ADMINISTRATOR.password });
    await press(page, "Sign in");
    await page.waitForURL((url) => url.pathname === "/settings/profile");
    await signOut(page);
    await provider.up();
    // It is asked again ten seconds after.
    await sleep(10_500);

    await through(page, undefined);
    await heading(page, "That was cancelled");
    assert.match(await page.locator("main").innerText(), /Nothing was changed\./);
    assert.ok(!provider.asked.includes("/token"), "nothing was fetched");
    await follow(page, "Back to sign in");

    // The answer with another state, and in another browser.
    provider.dwell();
    await through(page, "carol");
    const goOn = page.getByRole("link", { name: "Go on" });
    const address = await goOn.getAttribute("href");
    const bent = new URL(address);
    bent.searchParams.set("state", "0".repeat(64));
    const mallory = await enter();
    for (const [visitor, answer] of [[page, bent.href], [mallory, address]]) {
      await visitor.goto(answer);
      await heading(visitor, "This sign-in is over");
      await visitor.goto("/settings/profile");
      assert.equal(where(visitor), "/login");
    }
    assert.ok(!provider.asked.includes("/token"), "no code was spent on it");
    // The browser that began may finish, once.
    await page.goto(address);
    await page.waitForURL((url) => url.pathname === "/settings/profile");
    await page.goto(address);
    await heading(page, "This sign-in is over");
    await signOut(page);

    // Down on the way back.
    await follow(page, "Continue with Example");
    await goOn.waitFor();
    await provider.down();
    await goOn.click();
    await heading(page, "Example is not answering");
    await signIn(page);
  }));

  // Covers: S1-2, AC-032
  test(`a provider alone is enough: without passwords, ${named(way)}`, { timeout: 180_000 }, () => among(way, { settings: { PASSWORD_SIGN_IN: "off" }, keys: { fresh_sign_in: false }, set: false }, async ({ app, enter, first }) => {
    await first.goto(app.setupLink);
    await follow(first, "Continue with Example");
    await answerAs(first, "ada");
    await first.waitForURL((url) => url.pathname === "/settings/profile");
    await first.goto("/admin");
    await heading(first, "Administration");

    const carol = await enter();
    await carol.goto("/login");
    assert.equal(await carol.locator("main input:not([type=hidden]):not([type=checkbox])").count(), 0, "there is nothing to type");
    await through(carol, "carol");
    await carol.waitForURL((url) => url.pathname === "/settings/profile");
    // This provider is not believed to ask anew, so a mailed link confirms.
    const mails = (await app.mails()).length;
    await carol.goto("/step-up?next=/settings/tokens/new");
    assert.equal(await carol.locator("main input[type=password]").count(), 0);
    await press(carol, "Make a link");
    const mail = (await app.mails(mails + 1)).at(-1).replace(/=\r?\n/g, "").replaceAll("=3D", "=");
    const [link] = /\/step-up\?proved=[0-9a-f]{64}/.exec(mail);
    await carol.goto(link);
    await press(carol, "Confirm");
    await carol.waitForURL((url) => url.pathname === "/settings/tokens/new");
    await says(carol, "Thank you. Nothing was done yet");
    const stranger = await enter();
    for (const address of ["/signup", "/password/forgot"]) {
      await stranger.goto(address);
      assert.equal(await stranger.locator("main input[type=password], main input[type=email]").count(), 0, address);
    }
  }));
}

// Covers: AC-032, AC-047
test("who came through a provider confirms there, and gives the second factor of their own here", { timeout: 240_000 }, async () => {
  // All at once, since each waits until what the sign-in proved is over.
  await Promise.all(WAYS.map((way) => among(way, { settings: { SESSIONS_CONFIRMATION_MINUTES: "1" } }, async ({ provider, enter }) => {
    const page = await enter();
    await through(page, "carol");
    await page.goto("/settings/tokens/new");
    await fill(page, { name: "long in coming" });
    await sleep(61_000);

    await press(page, "Create token");
    await heading(page, "Confirm it is you");
    assert.equal(await page.locator("main input[type=password]").count(), 0);
    // Another one of the provider's people confirms nothing.
    await page.context().clearCookies({ domain: "localhost" });
    await follow(page, "Continue with Example");
    await answerAs(page, "dora");
    await heading(page, "That was not confirmed");
    await page.context().clearCookies({ domain: "localhost" });
    await follow(page, "Try again");
    await follow(page, "Continue with Example");
    assert.equal(await page.locator("#expected").innerText(), PEOPLE.carol.email);
    await answerAs(page, "carol");
    await page.waitForURL((url) => url.pathname === "/settings/tokens/new");
    await says(page, "Thank you. Nothing was done yet");
    assert.equal(await page.locator("#name").inputValue(), "long in coming");
    // The provider knows her by now, and asks anew all the same.
    await page.goto("/step-up?next=/settings/tokens/new");
    await follow(page, "Continue with Example");
    await answerAs(page, "carol");
    await page.waitForURL((url) => url.pathname === "/settings/tokens/new");

    // From now on an app's code is asked for, too, at a sign-in and at a confirmation.
    await page.goto("/settings/security/second-factor");
    await page.getByText("Can't scan it? Type it in").click();
    const secret = await page.locator("#app-secret").textContent();
    await fill(page, { code: codeOf(secret) });
    await press(page, "Turn it on");
    const codes = (await page.locator("#codes").textContent()).trim().split(/\s+/);
    await signOut(page);
    await follow(page, "Continue with Example");
    await page.waitForURL((url) => url.pathname === "/login/second-factor");
    await fill(page, { code: codeOf(secret, 1) });
    await press(page, "Sign in");
    await page.waitForURL((url) => url.pathname === "/settings/profile");
    await page.goto("/step-up?next=/settings/tokens/new");
    await follow(page, "Continue with Example");
    await answerAs(page, "carol");
    await page.waitForURL(/\/step-up\?proved=/);
    await page.getByText("Use a recovery code instead").click();
    await fill(page, { recovery_code: codes[0] });
    await press(page, "Confirm");
    await page.waitForURL((url) => url.pathname === "/settings/tokens/new");
    assert.ok(provider.asked.includes("/me"), "the address came from the provider's user info");
  })));
});
