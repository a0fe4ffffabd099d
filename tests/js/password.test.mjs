// The page's half of the password rule, against the vectors that the server's half passes (src/auth/password/rule.rs).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isCommon } from "../../static/js/password-blocklist.js";
import { mismatch, problems, states } from "../../static/js/password-rule.js";
import { ownWords } from "../../static/js/password-words.js";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url));
const vectors = JSON.parse(read("tests/vectors/passwords.json"));
const sheetOf = (account) => ({ ...vectors.sheet, ...vectors.accounts[account].sheet });
const build = (text) => (Array.isArray(text) ? text.map(([part, times]) => part.repeat(times)).join("") : text);
const start = (text) => JSON.stringify([...text].slice(0, 40).join(""));

const entries = read("build/blocklist/common-passwords.txt").toString().trimEnd().split("\n");
const hashes = entries.map((entry) => createHash("sha256").update(entry).digest().subarray(0, 4));
const packed = Buffer.concat(hashes.sort(Buffer.compare));
const prefixes = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);

// Covers: AC-038, S4-6, S4-7, S4-8, S4-9, S4-10, S4-11
test("every vector has its problems on the page, too", async () => {
  for (const { account, password, repeated, problems: expected } of vectors.cases) {
    const typed = build(password);
    const sheet = sheetOf(account);
    const fits = !problems(typed, sheet).includes("too_long");
    const found = problems(typed, sheet, { common: fits && (await isCommon(typed, sheet, prefixes)) });
    if (repeated !== undefined && mismatch(typed, build(repeated))) found.push("match");
    assert.deepEqual(found, expected, start(typed));
  }
});

// Covers: AC-038
test("the page finds the same own words as the server", () => {
  for (const [name, { context }] of Object.entries(vectors.accounts)) {
    const sheet = sheetOf(name);
    assert.deepEqual(new Set(ownWords(context, sheet)), new Set(sheet.own), name);
  }
});

// Covers: S4-5, S4-6, S4-7, S4-8, S4-9, S4-10, S4-11
test("each row of the checklist follows what is typed", () => {
  const rows = (typed, repeated = typed, account = "alice") => {
    const sheet = sheetOf(account);
    const found = states(typed, repeated, sheet, problems(typed, sheet));
    const ids = ["long", "length", "upper", "lower", "number", "special", "common", "own", "match"];
    return ids.map((id) => found[id]).join(" ");
  };
  assert.equal(rows(""), "unmet unmet unmet unmet unmet unmet unmet unmet unmet");
  assert.equal(rows("a", ""), "unmet unmet unmet met unmet unmet unknown met unmet");
  assert.equal(rows("aB3"), "unmet unmet met met met unmet unknown met met");
  assert.equal(rows("zkqv!7mt"), "unmet met unmet met met met unknown met met");
  assert.equal(rows("Zkqv!7mt"), "optional met met met met met unknown met met");
  assert.equal(rows("Alice12!"), "optional met met met met met unknown refused met");
  assert.equal(rows("zkqv wmtj abcde"), "met met optional optional optional optional unknown met met");
  assert.equal(rows("zkqv wmtj abcde", "zkqv"), "met met optional optional optional optional unknown met unmet");
  assert.equal(rows("x".repeat(1025)), "excess excess optional optional optional optional unknown unknown met");
  assert.equal(rows("zkqvwmtj", "zkqvwmtj", "alice with a second factor").split(" ")[1], "met");
  assert.equal(rows("zkqvwmtj", "zkqvwmtj", "alice, short passwords off").split(" ")[1], "unmet");
});

// Covers: AC-038
test("the blocklist is searched from its first entry to its last", async () => {
  const sheet = vectors.sheet;
  for (const entry of ["password", "changeme", ...entries.filter((_, index) => index % 997 === 0)])
    assert.equal(await isCommon(entry, sheet, prefixes), true, entry);
  const known = new DataView(new Uint8Array([0x5e, 0x88, 0x48, 0x98]).buffer); // SHA-256 of "password" begins so
  assert.equal(await isCommon("P@ssw0rd!", sheet, known), true);
  assert.equal(await isCommon("zkqvwmtj", sheet, known), false);
  assert.equal(await isCommon("password", sheet, new DataView(new ArrayBuffer(0))), false);
});
