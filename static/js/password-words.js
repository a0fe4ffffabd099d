// What of a password is compared with words, as in rule.rs: the blocklist's and the account's own.

const points = (text) => [...text].length;
const kinds = (sheet) => Object.fromEntries(sheet.kinds);
const compact = (text, sheet) => text.replace(new RegExp(kinds(sheet).special, "gu"), "");

/** The text, and the text without symbols, or symbols and numbers, at either end; each folded. */
export function cores(text, sheet) {
  const { number, special } = kinds(sheet);
  const ends = ["(?!)", special, `${special}|${number}`];
  const stripped = ends.flatMap((start) =>
    ends.map((end) =>
      text.replace(new RegExp(`^(?:${start})+`, "u"), "").replace(new RegExp(`(?<!${end})(?:${end})+$`, "u"), ""),
    ),
  );
  const near = stripped.filter((core) => points(text) - points(core) <= sheet.decoration);
  return [...new Set(near)].map((core) => fold(core, sheet));
}

/** Without regard to case and look-alikes: "P@ssw0rd" is "password". */
function fold(text, sheet) {
  const lower = [...text].flatMap((c) => [...c.toUpperCase()]).flatMap((c) => [...c.toLowerCase()]);
  return lower.map((c) => sheet.alike[c] ?? c).join("");
}

/** Whether the text is one of the words, two of them joined, or little else; or holds the address, the word after an @. */
export function isOwn(text, words, sheet) {
  const own = new Set(words);
  return (
    isOwnAtHeart(compact(fold(text, sheet), sheet), [...own], sheet) ||
    cores(text, sheet)
      .map((core) => compact(core, sheet))
      .some((core) => [...own].some((word) => core.startsWith(word) && (core === word || own.has(core.slice(word.length)))))
  );
}

function isOwnAtHeart(whole, own, sheet) {
  if (own.some((word) => word.startsWith("@") && whole.includes(word.slice(1)))) return true;
  const names = own.filter((word) => points(word) >= sheet.name).sort((one, other) => points(other) - points(one));
  const rest = names.reduce((rest, word) => rest.replaceAll(word, ""), whole);
  return rest.length < whole.length && points(rest) <= sheet.trivial;
}

/** The own words of someone whose name the page knows better than the sheet, because its form asks for it. */
export function ownWords({ product = "", email = "", first_name = "", last_name = "", organizations = [] }, sheet) {
  const at = email.lastIndexOf("@");
  const local = at < 0 ? email : email.slice(0, at);
  const labels = at < 0 ? [] : email.slice(at + 1).replace(/\.[^.]*$/, "").split(".");
  const words = [product, first_name, last_name, local, ...organizations, ...local.split(/[._+-]/), ...labels]
    .flatMap((word) => cores(word.normalize("NFC"), sheet))
    .map((core) => compact(core, sheet))
    .filter((word) => points(word) > 1);
  const whole = at >= 0 && at + 1 < email.length;
  return whole ? [...words, `@${compact(fold(email.trim().normalize("NFC"), sheet), sheet)}`] : words;
}
