// Starts the built program as an operator would: on a free port, with an empty folder, and nothing else set.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../../..", import.meta.url));
export const binary = process.env.KEYSTEAD_TEST_BINARY ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(project, "target"), "debug/keystead");

/**
 * `settings` are environment variables without their KEYSTEAD_. `command` replaces the built program, and then runs in the project.
 * The answer has the address, the one-time setup link, the mails, the log, `keystead(...)` for its command line, and `stop()`.
 */
export async function start({ database = "sqlite", settings = {}, command } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "keystead-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const environment = { LISTEN: `127.0.0.1:${port}`, BASE_URL: base, DATA_DIR: path.join(folder, "data"), ...settings };
  const dropDatabase = database === "postgres" ? await createDatabase(environment) : async () => {};
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KEYSTEAD_")));
  for (const [name, value] of Object.entries(environment)) env[`KEYSTEAD_${name}`] = value;
  env.PATH = `${path.dirname(binary)}${path.delimiter}${env.PATH}`;

  // In a process group of its own, so that stopping reaches what a command has started.
  const [program, ...args] = command ?? [binary];
  const server = spawn(program, args, { cwd: command ? project : folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let log = "";
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding("utf8").on("data", (text) => (log += text));
  const ended = once(server, "exit");
  ended.catch(() => {});
  const setupLink = await until(() => {
    assert.equal(server.exitCode ?? server.signalCode, null, `the server ended before it was ready:\n${log}`);
    return /https?:\/\/[^\s"\\]+\/setup\?code=[^\s"\\\x1b]+/.exec(log)?.[0];
  }, command ? 1800 : 30, () => `no setup link was printed:\n${log}`);
  await until(() => fetch(`${base}/login`).then((answer) => answer.ok, () => false), 10, () => `it does not answer:\n${log}`);

  return {
    base,
    folder,
    env,
    setupLink,
    log: () => log,
    keystead: async (...words) => (await run(binary, words, { cwd: folder, env })).stdout.trim(),
    /** The mails so far, once there are as many as wanted: they are sent a moment after the answer. */
    async mails(atLeast = 0) {
      const mailbox = path.join(folder, "data", "mail");
      const names = async () => (await readdir(mailbox).catch(() => [])).filter((name) => name.endsWith(".eml")).sort();
      await until(async () => (await names()).length >= atLeast, 20, () => `fewer than ${atLeast} mails in ${mailbox}`);
      return Promise.all((await names()).map((name) => readFile(path.join(mailbox, name), "utf8")));
    },
    /** Ends it as an operator would; it has to go in peace. */
    async stop() {
      process.kill(-server.pid, "SIGTERM");
      const late = setTimeout(() => process.kill(-server.pid, "SIGKILL"), 30_000);
      const [code, signal] = await ended;
      clearTimeout(late);
      await dropDatabase();
      await rm(folder, { recursive: true, force: true });
      if (!command) assert.deepEqual({ code, signal }, { code: 0, signal: null }, `it did not end well:\n${log}`);
    },
  };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function createDatabase(environment) {
  const url = process.env.KEYSTEAD_TEST_POSTGRES_URL;
  assert.ok(url, "KEYSTEAD_TEST_POSTGRES_URL is not set: scripts/test --only browser starts a PostgreSQL and sets it");
  const name = `browser_${randomBytes(6).toString("hex")}`;
  const sql = (text) => run("psql", [url, "-qc", text]);
  await sql(`create database ${name}`);
  const own = new URL(url);
  own.pathname = name;
  environment.DATABASE_URL = own.href;
  return () => sql(`drop database ${name} with (force)`);
}

export async function until(probe, seconds, explain) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < end, explain());
  }
}
