// A real OpenID provider (oidc-provider), with people of its own and plain pages on which they sign in.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";

const SCOPES = "openid email profile";

/** Whom it knows, by the name that they sign in with there. Nobody has proved that Dora's address is hers. */
export const PEOPLE = {
  ada: { email: "ada@example.com", email_verified: true, given_name: "Ada", family_name: "Byron" },
  carol: { email: "carol@example.com", email_verified: true, given_name: "Carol", family_name: "Shaw" },
  dora: { email: "dora@example.com", email_verified: false, given_name: "Dora", family_name: "Hill" },
};

/**
 * On a host of its own, so that it is another site to the browser. It answers once `serve(...apps)` has told it whom it
 * serves; `settings()` is what Keystead's operator sets for it, with more keys, and once more for each further set of keys.
 */
export async function startProvider() {
  const adapter = createMemoryAdapter(0);
  const [secret, cookieKey] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
  const asked = [];
  const ids = new Set();
  let provider, apps, answer, server, dwells;

  const listen = async (port = 0) => {
    server = createServer((request, response) => {
      asked.push(new URL(request.url, issuer).pathname);
      if (dwells) dwell(apps, response);
      return answer(request, response);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
  };
  const port = await listen();
  const issuer = `http://localhost:${port}`;

  const make = () => {
    const redirect_uris = apps.flatMap(({ base }) => [...ids].map((id) => `${base}/login/${id}/callback`));
    const client = { client_id: "keystead", client_secret: secret, redirect_uris };
    provider = new Provider(issuer, {
      adapter,
      clients: [client],
      jwks: { keys: [newKey()] },
      cookies: { keys: [cookieKey] },
      claims: { email: ["email", "email_verified"], profile: ["given_name", "family_name"] },
      features: { devInteractions: { enabled: false } },
      findAccount: (_, name) => PEOPLE[name] && { accountId: name, claims: () => ({ sub: name, ...PEOPLE[name] }) },
      // Nobody is asked twice whether Keystead may know them.
      async loadExistingGrant({ oidc }) {
        const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
        grant.addOIDCScope(SCOPES);
        await grant.save();
        return grant;
      },
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      renderError: (context, { error }) => { context.body = page("Something is wrong", `<p>${error}</p>`); },
      ttl: { AccessToken: 600, IdToken: 600, Grant: 600, Interaction: 600, Session: 3600 },
    });
    const callback = provider.callback();
    answer = (request, response) => (request.url.startsWith("/interaction/") ? interaction(provider, request, response) : callback(request, response));
  };

  return {
    issuer,
    /** The paths of the requests so far. */
    asked,
    settings: (...sets) => JSON.stringify((sets.length ? sets : [{}]).map((more) => {
      const keys = { id: "example", name: "Example", issuer, client_id: "keystead", client_secret: secret, ...more };
      ids.add(keys.id);
      return keys;
    })),
    serve(...served) {
      apps = served;
      make();
    },
    /** It signs with another key from now on, and has forgotten the old one. */
    rotate: make,
    /** From now on (or no more) whoever is sent back to Keystead finds a link in place of the redirect. */
    dwell: (on = true) => { dwells = on; },
    async down() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
    up: () => listen(port),
    async stop() {
      if (server.listening) await this.down();
    },
  };
}

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomBytes(4).toString("hex"), use: "sig", alg: "RS256" };
}

function dwell(apps, response) {
  const end = response.end.bind(response);
  response.end = (...body) => {
    const address = response.getHeader("Location");
    if (!apps.some(({ base }) => address?.startsWith(base))) return end(...body);
    const html = page("On the way back", `<p><a href="${address.replaceAll("&", "&amp;")}">Go on</a></p>`);
    response.statusCode = 200;
    response.removeHeader("Location");
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.setHeader("Content-Length", html.length);
    return end(html);
  };
}

/** The page on which somebody says who they are, or would rather not. */
async function interaction(provider, request, response) {
  if (request.method !== "POST") {
    const { params } = await provider.interactionDetails(request, response);
    const names = Object.keys(PEOPLE).map((name) => `<button name="who" value="${name}">${name}</button>`).join(" ");
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(page("Who are you?", `<p>Expected: <span id="expected">${PEOPLE[params.login_hint?.split("@")[0]] ? params.login_hint : "anybody"}</span></p><form method="post">${names} <button name="who" value="">Cancel</button></form>`));
    return;
  }
  let body = "";
  for await (const piece of request) body += piece;
  const who = new URLSearchParams(body).get("who");
  const result = who ? { login: { accountId: who } } : { error: "access_denied", error_description: "They would rather not." };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;

/** Says on the provider's page who one is; nobody cancels. */
export async function answerAs(page, who = "Cancel") {
  await page.getByRole("heading", { name: "Who are you?" }).waitFor();
  await page.getByRole("button", { name: who, exact: true }).click();
}
