import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RuntimeNames } from "./runtime-names.ts";
import { UserRuntimes, userOf } from "./user-runtimes.ts";

const ID = "ab".repeat(32);
const ASKED = { id: ID, podUid: null, userId: 1000 };
const LIST = "/home/ann/.local/share/containers/storage/overlay-containers/containers.json";
const metadata = JSON.stringify({ "image-name": "docker.io/library/redis:7", name: "db" });
const KNOWN = { runtime: "podman", name: "db", image: "docker.io/library/redis:7" };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "earshot-user-"));
  file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text);
}

test.each([
  ["/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-x.scope", 1000],
  ["/user.slice/user-0.slice/session-1.scope", 0],
  ["/system.slice/user-1000.slice/x", undefined],
  ["/docker/x", undefined],
  [undefined, undefined],
])("%s", (cgroup, user) => {
  expect(userOf(cgroup)).toBe(user);
});

test("podman's list in the user's home, for containers in the user's slice only", async () => {
  file(LIST, JSON.stringify([{ id: ID, names: ["db"], metadata }]));
  const runtimes = new UserRuntimes(root, 10);
  expect(await runtimes.ask(ASKED)).toEqual(KNOWN);
  expect(await runtimes.ask({ ...ASKED, userId: 1001 })).toBeNull();
  expect(await runtimes.ask({ id: ID, podUid: null })).toBeNull();

  const names = new RuntimeNames({ root });
  const cgroup = `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`;
  const container = { id: ID, runtime: "podman" };
  expect(await new Promise((told) => names.lookup({ container, cgroup }, told))).toEqual(KNOWN);
  expect(names.summary).toBe("1 of 1 containers named (runtimes of users)");
  names.close();
});

test("docker's socket in the user's run-time folder", async () => {
  const path = "/run/user/1000/docker.sock";
  mkdirSync(dirname(root + path), { recursive: true });
  const server = createServer((_request, response) => response.end('{"Name":"/web","Config":{"Image":"nginx"}}'));
  server.listen(root + path);
  await once(server, "listening");
  expect(await new UserRuntimes(root, 10).ask(ASKED)).toEqual({ runtime: "docker", name: "web", image: "nginx" });
  server.close();
  server.closeAllConnections();
});

test("what a user may have put there instead: a pipe, a link, far too much, rubbish", async () => {
  const ask = () => new UserRuntimes(root, 10).ask(ASKED);
  const good = JSON.stringify([{ id: ID, names: ["db"], metadata }]);
  const again = () => rmSync(root + LIST);
  mkdirSync(dirname(root + LIST), { recursive: true });
  execFileSync("mkfifo", [root + LIST]);
  expect(await ask()).toBeNull();
  again();
  file("/elsewhere", good);
  symlinkSync(join(root, "elsewhere"), root + LIST);
  expect(await ask()).toBeNull();
  again();
  file(LIST, good + " ".repeat(2 << 20));
  expect(await ask()).toBeNull();
  again();
  file(LIST, '[null,{"id":7},"x"');
  expect(await ask()).toBeNull();
  again();
  file(LIST, good);
  expect(await ask()).toEqual(KNOWN);
});
