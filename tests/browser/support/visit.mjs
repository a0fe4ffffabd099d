// Chromium, and a visit: one browser profile with one page, which notes everything that a page must not do.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 360, height: 740 };

const FLAGS = ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"];

export function launch() {
  return chromium.launch({ executablePath: process.env.KEYSTEAD_TEST_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS.map((flag) => `--${flag}`) });
}

/**
 * `end()` closes the visit and fails if a page had script errors, console messages, blocked content or requests to elsewhere.
 * `provider` is another site to which pages may lead.
 */
export async function visit(browser, app, { scripts = true, colorScheme = "light", viewport = WIDE, storageState, provider, ...more } = {}) {
  const context = await browser.newContext({ baseURL: app.base, javaScriptEnabled: scripts, colorScheme, viewport, storageState, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC", ...more });
  context.setDefaultTimeout(10_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: app.base });
  const problems = [];
  const pages = new Set();
  context.on("request", (request) => {
    if (request.isNavigationRequest()) pages.add(request.url());
    const { origin, protocol } = new URL(request.url());
    const led = origin === provider?.issuer && request.isNavigationRequest();
    if (origin !== app.base && !led && protocol !== "data:") problems.push(`request to elsewhere: ${request.url()}`);
  });
  context.on("console", (message) => {
    // Chromium tells of a page that is itself the answer 404 or 422, of what signing out has cleared, and of a key pressed before
    // the field of `autofocus` had its turn (whoever types first wins); all are wanted.
    const refused = message.text().startsWith("Failed to load resource") && pages.has(message.location().url);
    const cleared = message.text().startsWith("Clear-Site-Data header");
    const quicker = message.type() === "info" && message.text().startsWith("Autofocus processing was blocked");
    if (!refused && !cleared && !quicker) problems.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => problems.push(`script error: ${error.error().stack}`));
  context.on("requestfailed", (request) => {
    // Leaving a page cuts off what it was still loading; that is nobody's fault.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") problems.push(`request failed: ${request.url()} (${request.failure()?.errorText})`);
  });
  return {
    context,
    page: await context.newPage(),
    problems,
    async end() {
      await context.close();
      assert.deepEqual(problems, []);
    },
  };
}
