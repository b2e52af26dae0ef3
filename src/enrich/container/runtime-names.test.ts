import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RuntimeAnswer, RuntimeNames } from "./runtime-names.ts";

const ID = "ab".repeat(32);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "earshot-names-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, content: unknown): void {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, typeof content === "string" ? content : JSON.stringify(content));
}

const ask = (names = new RuntimeNames({ root })) =>
  new Promise<RuntimeAnswer>((resolve) => names.lookup({ id: ID, runtime: null }, undefined, resolve));

test("docker's API over its socket", async () => {
  mkdirSync(join(root, "var/run"), { recursive: true });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    response.end(JSON.stringify({ Name: "/web", Config: { Image: "nginx:1.27", Labels: {} } }));
  }).listen(join(root, "var/run/docker.sock"));
  await once(server, "listening");
  const names = new RuntimeNames({ root });
  const expected = { runtime: "docker", name: "web", image: "nginx:1.27" };
  expect(await Promise.all([ask(names), ask(names)])).toEqual([expected, expected]);
  expect(await ask(names)).toEqual(expected);
  expect(asked).toEqual([`/containers/${ID}/json`]);
  server.close();
});

test("containerd's and cri-o's configuration of a pod's container", async () => {
  file(`/run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`, {
    annotations: {
      "io.kubernetes.cri.container-name": "app",
      "io.kubernetes.cri.image-name": "registry.example/app:1",
      "io.kubernetes.cri.sandbox-uid": "u-1",
      "io.kubernetes.cri.sandbox-name": "app-0",
      "io.kubernetes.cri.sandbox-namespace": "shop",
    },
  });
  const pod = { uid: "u-1", name: "app-0", namespace: "shop" };
  expect(await ask()).toEqual({ runtime: "containerd", name: "app", image: "registry.example/app:1", pod });
  rmSync(join(root, "run"), { recursive: true });
  file(`/run/containers/storage/overlay-containers/${ID}/userdata/config.json`, {
    annotations: { "io.kubernetes.container.name": "db", "io.kubernetes.cri-o.ImageName": "db:2" },
  });
  expect(await ask()).toEqual({ runtime: "cri-o", name: "db", image: "db:2" });
});

test("docker's own file when its socket is closed to us; rubbish gives no answer", async () => {
  file(`/run/containers/storage/overlay-containers/${ID}/userdata/config.json`, "{ not json");
  file(`/var/lib/docker/containers/${ID}/config.v2.json`, { Name: "/web", Config: { Image: "nginx" } });
  expect(await ask()).toEqual({ runtime: "docker", name: "web", image: "nginx" });
  file(`/var/lib/docker/containers/${ID}/config.v2.json`, [1, null, "x"]);
  let told = false;
  new RuntimeNames({ root }).lookup({ id: ID, runtime: null }, undefined, () => {
    told = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(told).toBe(false);
});
