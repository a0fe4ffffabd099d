// What every page has to hold, whatever it is about.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { HtmlValidate } from "html-validate";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const html = new HtmlValidate({ extends: ["html-validate:standard", "html-validate:a11y"] });

/** No violation of WCAG 2.2 AA, nor of axe's best practice. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), TAGS);
  const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\s*\n\s*/g, " ")}`));
  assert.deepEqual(found, [], `${what} is not accessible`);
}

/** The HTML as it was sent. */
export async function valid(source, what) {
  const { results } = await html.validateString(source);
  const found = results.flatMap(({ messages }) => messages.map(({ ruleId, message, line, column }) => `${line}:${column} ${ruleId}: ${message}`));
  assert.deepEqual(found, [], `${what} is not valid HTML`);
}

export async function fitsItsWidth(page, what) {
  const { content, window, widest } = await page.evaluate(() => {
    const window = document.documentElement.clientWidth;
    const beyond = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > window + 1);
    return { window, content: document.documentElement.scrollWidth, widest: beyond.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)) };
  });
  assert.ok(content <= window, `${what} scrolls sideways: ${content} px of content in ${window} px: ${widest.join("\n")}`);
}

/** How much has moved that nobody moved; 0 is none. What a click unfolds makes room for itself, and does not count. */
export async function layoutShift(page) {
  return page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; }).observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => setTimeout(() => resolve(sum), 50));
  }));
}

/** The bytes that came over the wire for one visit of a page, headers and all. */
export async function weigh(page, address) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto(address, { waitUntil: "networkidle" });
  await session.detach();
  return bytes;
}

/** Between 0 (black) and 1 (white), of the page's own background. */
export async function brightness(page) {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  });
}
