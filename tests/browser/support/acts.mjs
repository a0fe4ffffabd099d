// What people do, through the forms that they find on the pages.
import assert from "node:assert/strict";

export const ADMINISTRATOR = { email: "ada@example.com", first: "Ada", last: "Byron", password: "a quiet harbour at dawn" };

/** Fills in the fields of these names. */
export async function fill(page, values) {
  for (const [name, value] of Object.entries(values)) await page.locator(`main [name="${name}"]`).fill(value);
}

export function press(page, name) {
  return page.locator("main").getByRole("button", { name, exact: true }).click();
}

/** The page says so on top; the announcer, for those who listen, repeats it a moment later. */
export function said(page, words) {
  return page.locator(".notice.good").getByText(words).waitFor();
}

/** The answer to the form that is sent. */
export async function answerTo(page, send) {
  const isAnswer = (response) => response.request().method() === "POST" && response.request().isNavigationRequest();
  const [answer] = await Promise.all([page.waitForResponse(isAnswer), page.waitForEvent("load"), send()]);
  return answer;
}

/** Makes the first administrator, who is then signed in. */
export async function setUp(page, app, { email, first, last, password } = ADMINISTRATOR) {
  await page.goto(app.setupLink);
  await fill(page, { email, first_name: first, last_name: last, password, confirm: password });
  await press(page, "Create administrator");
  await page.waitForURL((url) => url.pathname !== "/setup");
}

export async function signIn(page, { email, password } = ADMINISTRATOR) {
  await page.goto("/login");
  await fill(page, { email, password });
  await press(page, "Sign in");
  await page.waitForURL((url) => url.pathname !== "/login");
}

export async function signOut(page) {
  await page.locator(".account-menu summary").click();
  await page.getByRole("button", { name: "Logout" }).click();
  await page.waitForURL((url) => url.pathname === "/login");
}

/** Through the real form to a signed-in administrator; the answer signs another visit in. */
export async function arrive({ page, context }, app) {
  await setUp(page, app);
  return context.storageState();
}

/** Makes a token that may do the given things and returns its secret; the page then shows it. */
export async function createToken(page, { name, description = "", days = "90", scopes = [] }) {
  await page.goto("/settings/tokens/new");
  await fill(page, { name, description });
  await page.locator(`[name="expiry"][value="${days}"]`).check();
  for (const scope of scopes) await page.getByRole("checkbox", { name: scope }).check();
  await press(page, "Create token");
  return secretOf(page);
}

/** A terminal asks to be let in: what it shows, and what it keeps. */
async function askFromTerminal(page, client) {
  const { origin } = new URL(page.url());
  const answer = await fetch(`${origin}/oauth2/device_authorization`, { method: "POST", body: new URLSearchParams({ client_id: client }) });
  assert.equal(answer.status, 200);
  return { origin, ...(await answer.json()) };
}

/** The code that a new terminal shows; the page must be one of the instance's. */
export async function terminalCode(page, client = "keystead") {
  if (page.url() === "about:blank") await page.goto("/device");
  return (await askFromTerminal(page, client)).user_code;
}

/** Signs a terminal in through its pages and returns its secret. */
export async function approveTerminal(page, client = "keystead") {
  const { origin, user_code, device_code } = await askFromTerminal(page, client);
  await page.goto("/device");
  await fill(page, { user_code: user_code.toLowerCase() });
  await press(page, "Continue");
  await page.getByRole("heading", { level: 1, name: "Sign this terminal in?" }).waitFor();
  await press(page, "Approve");
  await page.locator(".notice.good").waitFor();
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  const answer = await fetch(`${origin}/oauth2/token`, { method: "POST", body: new URLSearchParams({ grant_type, device_code, client_id: client }) });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

export async function createVerifier(page, name) {
  await page.goto("/admin/verifiers");
  await fill(page, { name });
  await press(page, "Create verifier");
  return secretOf(page);
}

export async function createOrganization(page, name, slug) {
  await page.goto("/organizations/new");
  await fill(page, { name, slug });
  await press(page, "Create organization");
  await page.waitForURL((url) => url.pathname === `/organizations/${slug}`);
}

export async function createRole(page, slug, name, rights) {
  await page.goto(`/organizations/${slug}/roles/new`);
  await fill(page, { name });
  for (const right of rights) await page.getByRole("checkbox", { name: right, exact: true }).check();
  await press(page, "Create role");
  await page.waitForURL((url) => url.pathname === `/organizations/${slug}/roles`);
}

/** Makes a key of the organization that one works in. */
export async function createKey(page, description) {
  await page.goto("/settings/api-keys/new");
  await fill(page, { description });
  await press(page, "Create API key");
  return secretOf(page);
}

export async function createServiceAccount(page, slug, name) {
  await page.goto(`/organizations/${slug}/service-accounts/new`);
  await fill(page, { name });
  await page.locator('[name="role"][value="member"]').check();
  await press(page, "Create service account");
  await page.waitForURL((url) => /service-accounts\/[0-9a-z]{26}$/.test(url.pathname));
}

export async function createServiceToken(page, slug, account, name) {
  await page.goto(`/organizations/${slug}/service-accounts`);
  await page.getByRole("link", { name: account }).click();
  await page.getByRole("link", { name: "Create token" }).click();
  await fill(page, { name });
  await page.locator('[name="access"][value="everything"]').check();
  await press(page, "Create token");
  return secretOf(page);
}

/** Invites somebody and returns the path of their link; the page then shows it. */
export async function invite(page, email) {
  await page.goto("/admin/invitations");
  await fill(page, { email });
  await press(page, "Send invitation");
  const link = await page.locator("#link").textContent();
  return new URL(link.trim()).pathname;
}

async function secretOf(page) {
  const secret = await page.locator("#secret").textContent();
  assert.match(secret, /^kst_(pat|key|svc|ver)_[0-9A-Za-z]{36}$/);
  return secret;
}

/** Chooses a theme, in a visit without scripts. */
export async function wear(page, theme) {
  await page.goto("/settings/appearance");
  await page.locator(`[name="theme"][value="${theme}"]`).check({ force: true });
  await press(page, "Save");
  await page.locator(".notice.good").waitFor();
}

/** The link of a token's row. */
export function inRow(page, token, action) {
  return page.getByRole("row").filter({ hasText: token }).getByRole("link", { name: action });
}

/** Unfolds the details of a token in the list, and finds one of the actions there. */
export async function inDetails(page, token, action) {
  const details = page.locator(".token-more details").filter({ has: page.getByText(`of ${token}`) });
  if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
  return details.getByRole("link", { name: `${action} ${token}` });
}

/** Asks as a service does. */
export async function verify(app, verifier, token, more = {}) {
  const answer = await fetch(`${app.base}/api/v1/verify`, {
    method: "POST",
    headers: { Authorization: `Bearer ${verifier}`, "Content-Type": "application/json" },
    body: JSON.stringify({ token, ...more }),
  });
  assert.equal(answer.status, 200);
  return answer.json();
}

export async function introspect(app, verifier, token) {
  const answer = await fetch(`${app.base}/oauth2/introspect`, { method: "POST", headers: { Authorization: `Bearer ${verifier}` }, body: new URLSearchParams({ token }) });
  assert.equal(answer.status, 200);
  return answer.json();
}

export async function createTeam(page, slug, name, role) {
  await page.goto(`/organizations/${slug}/teams/new`);
  await fill(page, { name });
  await page.getByRole("radio", { name: role }).check();
  await press(page, "Create team");
  await page.locator("h1", { hasText: name }).waitFor();
}

/** Invites somebody to an organization; the page then shows the link. */
export async function inviteTo(page, slug, email) {
  await page.goto(`/organizations/${slug}/invitations/new`);
  await fill(page, { email });
  await press(page, "Send invitation");
  const link = page.locator("#link");
  await link.waitFor();
  return link.innerText();
}
