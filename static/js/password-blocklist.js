import { cores } from "./password-words.js";

// The common passwords as the first four bytes of their SHA-256, sorted: enough to say that one is listed, and small.
// Browsers hash in secure contexts only, and a list that does not come is no reason to keep anyone from typing:
// without it the server alone checks.
export async function fetchBlocklist() {
  if (!globalThis.crypto?.subtle) return undefined;
  try {
    const answer = await fetch(new URL("../data/common-passwords.bin", import.meta.url));
    return answer.ok ? new DataView(await answer.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the password, or what is left of it without its ends, is listed. */
export async function isCommon(typed, sheet, prefixes) {
  for (const core of cores(typed.normalize("NFC"), sheet)) {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(core));
    if (holds(prefixes, new DataView(hash).getUint32(0))) return true;
  }
  return false;
}

function holds(prefixes, wanted) {
  let [low, high] = [0, prefixes.byteLength / 4];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (prefixes.getUint32(middle * 4) < wanted) low = middle + 1;
    else high = middle;
  }
  return low * 4 < prefixes.byteLength && prefixes.getUint32(low * 4) === wanted;
}
