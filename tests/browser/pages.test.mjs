// Every page in every state: accessible in both themes, valid, never wider than its window, light on the wire.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMINISTRATOR, answerTo, approveTerminal, arrive, createKey, createServiceAccount, createServiceToken, createToken, createOrganization, createRole, createTeam, createVerifier, fill, inDetails, inRow, invite, inviteTo, press, signIn, terminalCode, wear } from "./support/acts.mjs";
import { codeOf } from "./support/authenticator.mjs";
import { accessible, brightness, fitsItsWidth, layoutShift, valid, weigh } from "./support/checks.mjs";
import { answerAs, startProvider } from "./support/provider.mjs";
import { start, until } from "./support/server.mjs";
import { NARROW, WIDE, launch, visit } from "./support/visit.mjs";

let names = 0;
const anotherName = () => `made for its page ${(names += 1)}`;
const LONG = "a name that someone made as long as the form lets it be today";
// One never set up, one just set up, one in use, one that takes nobody in, one whose organization requires a second factor, one
// with one token a user; one with a provider beside passwords, two with a provider alone, of which one was never set up.
let browser, unborn, empty, full, closed, guarded, single, provided, alone, unbornAlone, provider;
// Where the mailed links of the one in use lead; opening them uses nothing up.
const links = {};
const signedIn = new Map();

before(async () => {
  browser = await launch();
  // All looks of all pages take longer than a confirmation holds by default.
  const settings = { SESSIONS_CONFIRMATION_MINUTES: "60" };
  provider = await startProvider();
  const withProvider = { ...settings, PROVIDERS: provider.settings({}, { id: "wrong", name: "Wrong secret", client_secret: "another" }, { id: "strict", name: "Strict", email_domains: ["acme.example"] }, { id: "down", name: "Down", issuer: "http://127.0.0.1:1", fresh_sign_in: false }) };
  const withoutPasswords = { ...settings, PASSWORD_SIGN_IN: "off", PROVIDERS: provider.settings({ fresh_sign_in: false }) };
  // Who is where is told by a proxy, for those who come from everywhere.
  const behindProxy = { ...settings, TRUSTED_PROXIES: "127.0.0.1" };
  [unborn, empty, full, closed, guarded, single] = await Promise.all([{}, settings, behindProxy, { SIGN_UP: "closed" }, settings, { ...settings, TOKENS_MAX_PER_USER: "1" }].map((settings) => start({ settings })));
  [provided, alone, unbornAlone] = await Promise.all([withProvider, withoutPasswords, withoutPasswords].map((settings) => start({ settings })));
  provider.serve(provided, alone);
  for (const app of [empty, full, closed, guarded, single, provided]) {
    const first = await visit(browser, app, { provider });
    signedIn.set(app, await arrive(first, app));
    if (app === full) await furnish(first.page);
    if (app === full) await mailLinks();
    if (app === guarded) await guard(first.page);
    if (app === closed) await inviteWhereClosed(first.page);
    if (app === provided) await connect(first.page);
    await first.end();
  }
  for (const [who, app, from] of [["carol", provided, "/login"], ["ada", alone, alone.setupLink]]) {
    const here = await visit(browser, app, { provider });
    await through(here.page, who, from);
    await here.page.waitForURL((url) => url.pathname === "/settings/profile");
    // The provider itself has forgotten them, and asks whoever comes who they are.
    await here.context.clearCookies({ domain: "localhost" });
    signedIn.set(who, await here.context.storageState());
    await here.end();
  }
}, { timeout: 120_000 });
after(async () => {
  await browser?.close();
  await Promise.all([unborn, empty, full, closed, guarded, single, provided, alone, unbornAlone].map((app) => app?.stop()));
  await provider?.stop();
});

async function furnish(page) {
  await createToken(page, { name: "deploy bot", description: "ships what is merged", scopes: ["channels: update", "clients: list"] });
  await createToken(page, { name: LONG.slice(0, 60), description: "soon to expire", days: "7", scopes: ["groups: read"] });
  await createToken(page, { name: "old laptop", scopes: ["clients: publish"] });
  await page.goto("/settings/tokens");
  await (await inDetails(page, "old laptop", "Revoke")).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
  await page.locator(".notice.good").waitFor();
  for (const name of ["billing", LONG.slice(0, 60)]) await createVerifier(page, name);
  for (const client of ["keystead", "x".repeat(40)]) await approveTerminal(page, client);
  await createOrganization(page, "Acme Robotics", "acme");
  await createRole(page, "acme", "Deployers", ["channels: update", "Members: create"]);
  for (const name of ["Deploy", LONG.slice(0, 60)]) await createTeam(page, "acme", name, "Admin");
  await page.goto("/organizations/acme/teams");
  await page.goto((await page.getByRole("link", { name: "Deploy", exact: true }).getAttribute("href")) + "/members");
  await page.locator("main [name=user]").first().check();
  await press(page, "Add to team");
  await page.locator(".notice.good").waitFor();
  links.shown = await inviteTo(page, "acme", "joining@example.com");
  await inviteTo(page, "acme", `${"long-name-".repeat(6)}@example.com`);
  for (const description of ["Production API key", LONG]) await createKey(page, description);
  for (const name of ["build server", LONG]) await createServiceAccount(page, "acme", name);
  await createServiceToken(page, "acme", "build server", "eu-west-1");
}

/** Through the provider's page, as somebody or as nobody, and back. */
async function through(page, who, from = "/login", name = "Example") {
  await page.goto(from);
  await page.locator("main").getByRole("link", { name: `Continue with ${name}` }).click();
  await answerAs(page, who);
}

/** An organization that requires a second factor, and an owner who has none any more. */
async function guard(page) {
  await createOrganization(page, "Acme Robotics", "acme");
  await page.goto("/settings/security/second-factor");
  await page.getByText("Can't scan it?").click();
  await fill(page, { code: codeOf(await page.locator("#app-secret").textContent()) });
  await press(page, "Turn it on");
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  await page.goto("/organizations/acme/settings/second-factor");
  await press(page, "Require a second factor");
  await page.locator(".notice.good").waitFor();
  await page.goto("/settings/security/second-factor/remove");
  await page.getByText("requires a second factor, and this is your only one").waitFor();
  await press(page, "Remove the app");
  await page.locator(".notice").waitFor();
}

/** A hundred wrong passwords from everywhere: then the mailbox gets the link that has them taken again. */
async function guessWildly({ context }) {
  const csrf = /name="csrf" value="([^"]+)"/.exec(await (await context.request.get("/login")).text())[1];
  const form = { csrf, email: ADMINISTRATOR.email, password: "x".repeat(1025) };
  for (let guess = 0; guess < 100; guess += 1) {
    const headers = { "X-Forwarded-For": `198.18.${Math.floor(guess / 5)}.7` };
    assert.equal((await context.request.post("/login", { form, headers })).status(), 422);
  }
}

async function connect(page) {
  await page.goto("/settings/security/connections/with/example");
  await answerAs(page, "ada");
  await press(page, "Connect");
  await page.locator(".notice.good").waitFor();
}

/** Invitations that make no account; the mailed link tells that there is none, the copied one tells nothing. */
async function inviteWhereClosed(page) {
  await createOrganization(page, "Acme Robotics", "acme");
  links.copiedWhereClosed = await inviteTo(page, "acme", "stranger@example.com");
  const place = /\/invitations\/[0-9a-f]{64}/;
  const find = async () => (await closed.mails()).map((mail) => place.exec(mail.replace(/=\r?\n/g, ""))?.[0]).find(Boolean);
  links.mailedWhereClosed = await until(find, 20, () => "no mail with an invitation");
}

/** A stranger asks for everything that mails a link, and an administrator's second browser signs in. */
async function mailLinks() {
  const other = await visit(browser, full);
  await signIn(other.page);
  links.invitation = await invite(other.page, "invited@example.com");
  await sent("/settings/profile/email", "Make the links", { new_email: "ada.new@example.com" })(other.page);
  await other.end();
  const stranger = await visit(browser, full);
  await sent("/signup", "Create account", newcomer("newcomer@example.com"))(stranger.page);
  await sent("/password/forgot", "Make the link", { email: ADMINISTRATOR.email })(stranger.page);
  await guessWildly(stranger);
  await stranger.end();
  const found = async (path) => {
    const place = new RegExp(`${path}/[0-9a-f]{64}`);
    return until(async () => {
      // A long line of a mail is broken with "=" at its end.
      const mails = (await full.mails()).map((mail) => mail.replace(/=\r?\n/g, ""));
      return mails.map((mail) => place.exec(mail)?.[0]).find(Boolean);
    }, 20, () => `no mail with a link to ${path}`);
  };
  links.confirm = await found("/email/confirm");
  links.reset = await found("/password/reset");
  links.unlock = await found("/login/unlock");
  links.newAddress = await found("/email/new");
  links.oldAddress = await found("/email/old");
}

const newcomer = (email) => ({ email, first_name: "Bob", password: "a quiet harbour at dusk", confirm: "a quiet harbour at dusk" });

// How to come to each page: an address, or what to do for it; then the status that the page has.
const at = (address, status = 200) => ({ open: (page) => page.goto(address), status });
const by = (open, status = 200) => ({ open, status });
const sent = (address, button, values = {}) => async (page) => {
  await page.goto(address);
  await fill(page, values);
  return answerTo(page, () => press(page, button));
};
const theToken = (name, action) => async (page) => {
  await page.goto("/settings/tokens");
  const link = action ? await inDetails(page, name, action) : page.getByRole("link", { name, exact: true });
  return page.goto(await link.getAttribute("href"));
};
const theMail = async (page) => {
  await page.goto("/admin/mail");
  return page.goto(await page.getByRole("link", { name: "choose a new password" }).first().getAttribute("href"));
};
const strangers = {
  "sign in": at("/login"),
  "sign in, refused": by(sent("/login", "Sign in", { email: "nobody@example.com", password: "not this one" }), 422),
  "sign in, empty": by(sent("/login", "Sign in"), 422),
  "no such page, for a stranger": at("/no/such/page", 404),
  "sign up": at("/signup"),
  "sign up, refused": by(sent("/signup", "Create account", { email: "nobody", password: "short" }), 422),
  "forgotten password": at("/password/forgot"),
  "forgotten password, refused": by(sent("/password/forgot", "Make the link"), 422),
  // Another address for each look: three mails an hour go to one.
  "check your mail": by((page) => sent("/password/forgot", "Make the link", { email: `${crypto.randomUUID()}@example.com` })(page)),
  "a dead link": at(`/email/confirm/${"0".repeat(64)}`, 404),
};
const mailed = {
  "confirm an address": by((page) => page.goto(links.confirm)),
  "confirm an address, refused": by((page) => sent(links.confirm, "Confirm and sign in", { password: "" })(page), 422),
  "new password": by((page) => page.goto(links.reset)),
  "new password, refused": by((page) => sent(links.reset, "Set new password", { password: "short" })(page), 422),
  "passwords taken again": by((page) => page.goto(links.unlock)),
  "a new address": by((page) => page.goto(links.newAddress)),
  "a new address, refused": by((page) => sent(links.newAddress, "Confirm this address")(page), 422),
  "was it you?": by((page) => page.goto(links.oldAddress)),
  "an invitation": by((page) => page.goto(links.invitation)),
  "an invitation, refused": by((page) => sent(links.invitation, "Create account")(page), 422),
  "an invitation to an organization": by((page) => page.goto(links.shown)),
  "an invitation to an organization, refused": by((page) => sent(links.shown, "Create account")(page), 422),
};
const members = {
  "profile": at("/settings/profile"),
  "profile, just signed up": by(async (page) => {
    const { origin } = new URL((await page.goto("/settings/appearance")).url());
    await page.context().addCookies([{ name: "keystead_notice", value: "signed-up", url: origin }]);
    return page.goto("/settings/profile");
  }),
  "profile, refused": by(async (page) => {
    await page.goto("/settings/profile");
    // The button is for those without scripts; the form can still be sent with Enter.
    await fill(page, { first_name: "" });
    return answerTo(page, () => page.locator("#first_name").press("Enter"));
  }, 422),
  "security": at("/settings/security"),
  "security, refused": by(async (page) => {
    await page.goto("/settings/security");
    await page.getByText("Change password", { exact: true }).first().click();
    await fill(page, { current: "not this one", password: "short", confirm: "shorter" });
    return answerTo(page, () => press(page, "Change password"));
  }, 422),
  "a terminal's code": at("/device"),
  "a terminal's code, refused": by(sent("/device", "Continue", { user_code: "nothing" }), 422),
  "sign this terminal in?": by(async (page) => {
    await page.goto(`/device?user_code=${await terminalCode(page)}`);
    await press(page, "Continue");
    await page.getByRole("heading", { level: 1, name: "Sign this terminal in?" }).waitFor();
    return page.goto(page.url());
  }),
  "add a passkey, from another address": at("/settings/security/passkeys/new"),
  "appearance": at("/settings/appearance"),
  "change the address": at("/settings/profile/email"),
  "change the address, refused": by(sent("/settings/profile/email", "Make the links", { new_email: "nobody" }), 422),
  "logs": at("/settings/logs"),
  "API keys": at("/settings/api-keys"),
  "new API key": at("/settings/api-keys/new"),
  "new API key, refused": by(sent("/settings/api-keys/new", "Create API key", { description: "" }), 422),
  "no such key": at("/settings/api-keys/no-such-key", 404),
  "tokens": at("/settings/tokens"),
  "new token": at("/settings/tokens/new"),
  "new token, refused": by(sent("/settings/tokens/new", "Create token", { name: "", description: LONG }), 422),
  "administration": at("/admin"),
  "verifiers": at("/admin/verifiers"),
  "verifiers, refused": by(sent("/admin/verifiers", "Create verifier"), 422),
  "license": at("/settings/license"),
  "administered organizations": at("/admin/organizations"),
  "administered organizations, none found": at("/admin/organizations?search=nobody"),
  "invitations": at("/admin/invitations"),
  "invitations, refused": by(sent("/admin/invitations", "Send invitation", { email: "nobody" }), 422),
  "mail": at("/admin/mail"),
  "help back in": at("/admin/recovery"),
  "help back in, refused": by(sent("/admin/recovery", "Make link", { email: "nobody" }), 422),
  "an authenticator app": at("/settings/security/second-factor"),
  "an authenticator app, refused": by(sent("/settings/security/second-factor", "Turn it on", { code: "000000" }), 422),
  "logout all sessions?": at("/settings/security/logout-all"),
  "rules for tokens": at("/admin/policy"),
  "rules for tokens, refused": at("/admin/policy/review?max_days=0&default_days=x&preset_days=y&max_per_user=0", 422),
  "what rules for tokens would do": at("/admin/policy/review?max_days=30&allow_never=no"),
  "delete all tokens?": at("/settings/tokens/delete-all"),
  "revoke nothing": at("/settings/tokens/revoke"),
  "no such page": at("/no/such/page", 404),
  "no such token": at("/settings/tokens/no-such-token", 404),
  "a form without its session's word": by(async (page) => {
    await page.goto("/settings/appearance");
    await page.locator("main [name=csrf]").evaluate((field) => { field.value = "forged"; });
    return answerTo(page, () => page.locator("main form").evaluate((form) => form.submit()));
  }, 403),
};
const things = {
  "token": by(theToken("deploy bot")),
  "revoked token": by(theToken("old laptop")),
  "revoke a token?": by(theToken("deploy bot", "Revoke")),
  "delete a token?": by(theToken("deploy bot", "Delete")),
  "edit a token": by(theToken("deploy bot", "Edit")),
  "edit a token, refused": by(async (page) => {
    await theToken("deploy bot", "Edit")(page);
    await fill(page, { name: "" });
    return answerTo(page, () => press(page, "Update"));
  }, 422),
  "regenerate a token?": by(theToken("deploy bot", "Regenerate")),
  "regenerate a revoked token?": by(theToken("old laptop", "Regenerate")),
  "revoke a selection?": by(async (page) => {
    await page.goto("/settings/tokens");
    await page.getByRole("checkbox", { name: "Select deploy bot" }).check();
    // A page, not an answer to a form: it asks first.
    const asked = page.waitForResponse((response) => response.request().isNavigationRequest());
    await Promise.all([asked, page.waitForEvent("load"), press(page, "Revoke those ticked")]);
    return asked;
  }),
  "tokens, one unfolded": by(async (page) => {
    const answer = await page.goto("/settings/tokens");
    await inDetails(page, "deploy bot", "Regenerate");
    return answer;
  }),
  "tokens, none found": at("/settings/tokens?q=nothing"),
  "delete all tokens, refused": by(sent("/settings/tokens/delete-all", "Delete all tokens", { phrase: "no" }), 422),
  "a token just made": by((page) => answerTo(page, () => createToken(page, { name: anotherName(), scopes: ["channels: delete"] }))),
  "the question in a dialog": by(async (page) => {
    const answer = await page.goto("/settings/tokens");
    await inRow(page, "deploy bot", "Delete").click();
    await page.getByRole("dialog").waitFor();
    return answer;
  }),
  "the account menu": by(async (page) => {
    const answer = await page.goto("/settings/profile");
    await page.locator(".account-menu summary").click();
    return answer;
  }),
  "the organization menu": by(async (page) => {
    const answer = await page.goto("/settings/profile");
    await page.locator(".organization-menu summary").click();
    return answer;
  }),
  "somebody just invited": by((page) => answerTo(page, () => invite(page, `${anotherName().replaceAll(" ", "-")}@example.com`))),
  "a verifier just made": by((page) => answerTo(page, () => createVerifier(page, anotherName()))),
  "a mail": by(theMail),
  "a mail, read": by(async (page) => {
    await theMail(page);
    return answerTo(page, () => press(page, "Show this mail"));
  }),
  "delete a verifier?": by(async (page) => {
    await page.goto("/admin/verifiers");
    return page.goto(await inRow(page, "billing", "Delete").getAttribute("href"));
  }),
};

// What a way to the provider ends with; the answer is good once, so it is kept rather than asked for again.
const ending = (app, go) => async (page) => {
  const isEnd = (response) => response.url().startsWith(app().base) && response.url().includes("/callback") && response.status() !== 303;
  const [answer] = await Promise.all([page.waitForResponse(isEnd), go(page)]);
  await page.waitForLoadState();
  return answer;
};
const here = async (page, heading) => {
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  return page.goto(page.url());
};
const STEP_UP = "/step-up?next=/settings/tokens/new";
const strangersElsewhere = {
  "sign in, with providers": at("/login"),
  "sign in, with providers, refused": by(sent("/login", "Sign in", { email: "nobody@example.com", password: "not this one" }), 422),
  "sign up, with providers": at("/signup"),
  "a provider that is not there": at("/login/down", 503),
  "cancelled at the provider": by(ending(() => provided, (page) => through(page)), 403),
  "a provider's answer that is not accepted": by(ending(() => provided, (page) => through(page, "dora", "/login", "Wrong secret")), 403),
  "not with this account": by(ending(() => provided, (page) => through(page, "dora", "/login", "Strict")), 403),
  "a sign-in that is over": at("/login/example/callback?code=1&state=2", 400),
  "whose account is this?": by(async (page) => {
    await through(page, "dora");
    return here(page, "Whose account is this?");
  }),
};
const membersElsewhere = {
  "security, with a connected account": at("/settings/security"),
  "confirm, with password and provider": at(STEP_UP),
  "connect an account?": by(async (page) => {
    await page.goto("/settings/security/connections/with/example");
    await answerAs(page, "dora");
    return here(page, "Connect Example?");
  }),
};
const withoutPassword = {
  "security, without a password": at("/settings/security"),
  "confirm, with the provider": at(STEP_UP),
  "not confirmed by the provider": by(ending(() => provided, (page) => through(page, "dora", STEP_UP)), 403),
};
const alonePages = {
  "confirm, by mail alone": at(STEP_UP),
  "check your mail, to confirm": by(sent(STEP_UP, "Make a link")),
};

const PLACE = "/organizations/acme";
const theKey = (below = "") => async (page) => {
  await page.goto("/settings/api-keys");
  return page.goto((await page.locator("main tbody .cell-main").first().getAttribute("href")) + below);
};
const theAccount = (below = "") => async (page) => {
  await page.goto(`${PLACE}/service-accounts`);
  return page.goto((await page.getByRole("link", { name: "build server" }).getAttribute("href")) + below);
};
const itsToken = (below = "") => async (page) => {
  await theAccount()(page);
  return page.goto((await page.getByRole("link", { name: "eu-west-1" }).getAttribute("href")) + below);
};
const theFirst = (list, below = "") => async (page) => {
  await page.goto(`${PLACE}/${list}`);
  return page.goto((await page.locator("main tbody a").first().getAttribute("href")) + below);
};
const organizations = {
  "my organizations": at("/organizations"),
  "new organization": at("/organizations/new"),
  "new organization, just signed up": at("/organizations/new?welcome=1"),
  "new organization, refused": by(sent("/organizations/new", "Create organization", { name: "", slug: "A b" }), 422),
  "organization": at(PLACE),
  "organization's settings": at(`${PLACE}/settings`),
  "organization's settings, refused": by(sent(`${PLACE}/settings`, "Save", { name: "" }), 422),
  "organization's picture": at(`${PLACE}/picture`),
  "organization's picture, none chosen": by(sent(`${PLACE}/picture`, "Save picture"), 422),
  "edit avatar": at("/settings/profile/picture"),
  "require a second factor?": at(`${PLACE}/settings/second-factor`),
  "a second factor that is not missing": at(`${PLACE}/second-factor`),
  "hand an organization over": at(`${PLACE}/hand-over`),
  "hand an organization over, refused": by(sent(`${PLACE}/hand-over`, "Hand over", { email: "nobody@example.com", phrase: "Acme Robotics" }), 422),
  "delete an organization": at(`${PLACE}/delete`),
  "delete an organization, refused": by(sent(`${PLACE}/delete`, "Delete organization", { phrase: "no" }), 422),
  "members": at(`${PLACE}/members`),
  "members, none found": at(`${PLACE}/members?search=nobody`),
  "member": by(theFirst("members")),
  "a member's role": by(theFirst("members", "/role")),
  "targets": at(`${PLACE}/members?only=targets`),
  "open invitations": at(`${PLACE}/invitations`),
  "invite a member": at(`${PLACE}/invitations/new`),
  "invite a member, refused": by(sent(`${PLACE}/invitations/new`, "Send invitation", { email: "nobody" }), 422),
  "an invitation for another account": by((page) => page.goto(links.shown)),
  "teams": at(`${PLACE}/teams`),
  "teams, none found": at(`${PLACE}/teams?search=nobody`),
  "team": by(theFirst("teams")),
  "change a team": by(theFirst("teams", "/edit")),
  "add members to a team": by(theFirst("teams", "/members")),
  "delete a team?": by(theFirst("teams", "/delete")),
  "new team": at(`${PLACE}/teams/new`),
  "new team, refused": by(sent(`${PLACE}/teams/new`, "Create team", { name: "" }), 422),
  "organization's license": at(`${PLACE}/license`),
  "organization's logs": at(`${PLACE}/logs`),
  "organization's logs, nothing found": at(`${PLACE}/logs?search=nobody`),
  "administered organization": by(async (page) => {
    await page.goto("/admin/organizations");
    return page.goto(await page.locator("main tbody a").first().getAttribute("href"));
  }),
  "administered organization, refused": by(async (page) => {
    await page.goto("/admin/organizations");
    const address = await page.locator("main tbody a").first().getAttribute("href");
    return sent(address, "Save license", { members: "many" })(page);
  }, 422),
  "roles": at(`${PLACE}/roles`),
  "role": by(theFirst("roles")),
  "change a role": by(theFirst("roles", "/edit")),
  "delete a role?": by(theFirst("roles", "/delete")),
  "API key": by(theKey()),
  "delete a key?": by(theKey("/delete")),
  "a key just made": by((page) => answerTo(page, () => createKey(page, anotherName()))),
  "service accounts": at(`${PLACE}/service-accounts`),
  "service accounts, none found": at(`${PLACE}/service-accounts?search=nothing`),
  "service account": by(theAccount()),
  "change a service account": by(theAccount("/edit")),
  "disable a service account?": by(theAccount("/disable")),
  "delete a service account?": by(theAccount("/delete")),
  "new service account": at(`${PLACE}/service-accounts/new`),
  "new service account, refused": by(sent(`${PLACE}/service-accounts/new`, "Create service account", { name: "" }), 422),
  "new token of a service account": by(theAccount("/tokens/new")),
  "service account's token": by(itsToken()),
  "regenerate a service account's token": by(itsToken("/regenerate")),
  "revoke a service account's token?": by(itsToken("/revoke")),
  "personal tokens here": at(`${PLACE}/policy/personal-tokens`),
  "members' keys": at(`${PLACE}/policy/api-keys`),
  "new role": at(`${PLACE}/roles/new`),
  "an organization's rules for tokens": at(`${PLACE}/policy`),
  "an organization's rules for tokens, refused": at(`${PLACE}/policy/review?max_days=9999`, 422),
  "what an organization's rules would do": at(`${PLACE}/policy/review?max_days=7`),
  "new role, refused": by(sent(`${PLACE}/roles/new`, "Create role", { name: "" }), 422),
};

// In this order: without a token, in the answer that made it, and with it.
const one = {
  "one token at a time, none": at("/settings/tokens"),
  "one token at a time, refused": by(async (page) => {
    await page.goto("/settings/tokens");
    await page.locator("[name=expiry]:checked").evaluate((radio) => { radio.value = "never"; });
    return answerTo(page, () => press(page, "Generate"));
  }, 422),
  "one token at a time, just generated": by(async (page) => {
    await page.goto("/settings/tokens");
    return answerTo(page, () => press(page, "Generate"));
  }),
  "one token at a time": at("/settings/tokens"),
  "delete the one token?": by(async (page) => {
    await page.goto("/settings/tokens");
    return page.goto(await page.getByRole("link", { name: "Delete the token" }).getAttribute("href"));
  }),
  "one token at a time, deleted": by(async (page) => {
    await page.goto("/settings/tokens");
    await page.goto(await page.getByRole("link", { name: "Delete the token" }).getAttribute("href"));
    await press(page, "Confirm");
    await page.locator(".notice.good").waitFor();
    return page.goto("/settings/tokens");
  }),
};

// Explicitly dark on a light device, and as a dark device wishes, are both dark.
const LOOKS = [
  { look: "light, wide", theme: "light", colorScheme: "dark", viewport: WIDE },
  { look: "dark, wide", theme: "dark", colorScheme: "light", viewport: WIDE },
  { look: "light as the system, narrow", theme: "system", colorScheme: "light", viewport: NARROW },
  { look: "dark as the system, narrow", theme: "system", colorScheme: "dark", viewport: NARROW },
];

// Covers: S2-1, S4-17
for (const { look, theme, colorScheme, viewport } of LOOKS) {
  test(`pages, ${look}`, { timeout: 1_500_000 }, async (t) => {
    const sets = [
      [unborn, { "set up": by((page) => page.goto(unborn.setupLink)), "set up, refused": by(sent("/setup", "Create administrator"), 422) }, undefined, ""],
      [unborn, { "sign-up before set-up": at("/signup", 403) }, undefined, ""],
      [empty, strangers, undefined, ""],
      [closed, { "sign-up is closed": at("/signup", 403), "sign in, where sign-up is closed": at("/login"), "an invitation without an account": by((page) => page.goto(links.mailedWhereClosed), 403), "an invitation where no accounts are made": by((page) => page.goto(links.copiedWhereClosed)) }, undefined, ""],
      [closed, { "invite a member, where sign-up is closed": at(`${PLACE}/invitations/new`) }, signedIn.get(closed), ""],
      [full, mailed, undefined, ""],
      [empty, members, signedIn.get(empty), ", nothing in it"],
      [single, one, signedIn.get(single), ""],
      [full, { ...members, ...things, ...organizations }, signedIn.get(full), ""],
      [guarded, { "a second factor is required": at(PLACE) }, signedIn.get(guarded), ""],
      [unbornAlone, { "set up, without passwords": by((page) => page.goto(unbornAlone.setupLink)), "set up, without passwords or the code": at("/setup") }, undefined, ""],
      [provided, strangersElsewhere, undefined, ""],
      [provided, membersElsewhere, signedIn.get(provided), ""],
      [provided, withoutPassword, signedIn.get("carol"), ""],
      [alone, { "sign in, without passwords": at("/login"), "no passwords here": at("/password/forgot", 403) }, undefined, ""],
      [alone, alonePages, signedIn.get("ada"), ""],
    ];
    for (const [app, pages, storageState, note] of sets) {
      if (storageState) {
        const here = await visit(browser, app, { storageState, scripts: false });
        await wear(here.page, theme);
        await here.end();
      }
      for (const [name, { open, status }] of Object.entries(pages)) {
        await t.test(`${name}${note}`, async () => {
          const here = await visit(browser, app, { storageState, colorScheme, viewport, provider });
          const { page } = here;
          const answer = await open(page);
          assert.equal(answer.status(), status);
          const refused = page.locator("main .field-error, main [role=alert]");
          assert.equal((await refused.count()) > 0, status === 422, "a refused form says why, another says nothing of the kind");
          if (look === LOOKS[0].look) await valid(await answer.text(), name);
          assert.ok((await layoutShift(page)) < 0.01, "nothing jumps");
          if (storageState) {
            const light = await brightness(page);
            const dark = look.startsWith("dark");
            assert.ok(dark ? light < 0.25 : light > 0.85, `the page is not ${dark ? "dark" : "light"}: ${light}`);
            const avatar = page.locator(".account-menu summary");
            assert.equal(await avatar.count(), 1, "the account menu is missing");
            const { x, y, width, height } = await avatar.boundingBox();
            assert.ok(y + height < 64 && x + width > viewport.width * 0.9, "the avatar stands at the top right");
          }
          await accessible(page, name);
          await fitsItsWidth(page, name);
          if (viewport === NARROW) {
            // 1280 pixels at 400 percent.
            await page.setViewportSize({ width: 320, height: 640 });
            await fitsItsWidth(page, `${name}, at 320 pixels,`);
          }
          await here.end();
        });
      }
    }
  });
}

// Fonts are the system's own, so all that comes is counted.
test("pages are light: 60 KB at first, 20 KB after", { timeout: 120_000 }, async () => {
  for (const [address, storageState] of [["/login", undefined], ["/settings/profile", signedIn.get(full)], ["/settings/tokens", signedIn.get(full)], ["/settings/tokens/new", signedIn.get(full)], ["/settings/security", signedIn.get(full)], ["/settings/logs", signedIn.get(full)]]) {
    const here = await visit(browser, full, { storageState });
    const first = await weigh(here.page, address);
    const next = await weigh(here.page, address);
    await here.end();
    assert.ok(first > 2_000 && first < 60_000, `${address} weighs ${first} bytes at first`);
    assert.ok(next < 20_000, `${address} weighs ${next} bytes after`);
  }
});
