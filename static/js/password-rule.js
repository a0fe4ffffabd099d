// The password rule as scripts apply it. What is in it, the server says in a sheet (RuleSheet in rule.rs); this only
// evaluates the sheet, and the vectors in tests/vectors/passwords.json hold both to the same verdicts.

import { isOwn } from "./password-words.js";

const bytes = (text) => new TextEncoder().encode(text);
const length = (text) => [...text.normalize("NFC")].length;

/** The ids of all problems, in the checklist's order. `common` is what isCommon() found, `own` the account's words. */
export function problems(typed, sheet, { common = false, own = sheet.own } = {}) {
  const text = typed.normalize("NFC");
  if (bytes(typed).length > sheet.most_bytes_typed || bytes(text).length > sheet.most_bytes) return ["too_long"];
  const free = length(text) >= sheet.free || sheet.least === sheet.free;
  const missing = free ? [] : sheet.kinds.filter(([, kind]) => !new RegExp(kind, "u").test(text));
  return [
    length(text) < sheet.least && "length",
    ...missing.map(([id]) => id),
    common && "common",
    isOwn(text, own, sheet) && "own",
  ].filter(Boolean);
}

export const mismatch = (typed, repeated) => typed.normalize("NFC") !== repeated.normalize("NFC");

/**
 * What each row of the checklist shows: "met", "unmet", "optional"; "unknown" until isCommon() has been asked;
 * "excess" where a length is too great, "refused" where only another password helps.
 */
export function states(typed, repeated, sheet, found) {
  const excess = found.includes("too_long");
  const met = (id, unmet = "unmet") => (typed === "" ? "unmet" : found.includes(id) ? unmet : "met");
  const long = length(typed) >= sheet.free;
  const kinds = sheet.kinds.map(([id]) => id);
  const short = met("length") === "met" && !kinds.some((id) => found.includes(id));
  return {
    long: excess ? "excess" : long ? "met" : short ? "optional" : "unmet",
    length: excess ? "excess" : met("length"),
    ...Object.fromEntries(kinds.map((id) => [id, long ? "optional" : met(id)])),
    common: typed === "" ? "unmet" : "unknown",
    own: excess ? "unknown" : met("own", "refused"),
    match: typed === "" || mismatch(typed, repeated) ? "unmet" : "met",
  };
}
