import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { criMethods, type FakeCri, fakeCri, type Methods } from "../../../test/support/fake-cri.ts";
import { Trouble } from "../../core/trouble.ts";
import { Redactor } from "../../redact/redactor.ts";
import { redactedLabels } from "./label-redaction.ts";
import { type RuntimeAnswer, RuntimeNames, type RuntimeNamesOptions } from "./runtime-names.ts";

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
  new Promise<RuntimeAnswer>((resolve) => names.lookup({ container: { id: ID, runtime: null } }, resolve));

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
  new RuntimeNames({ root }).lookup({ container: { id: ID, runtime: null } }, () => {
    told = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(told).toBe(false);
});

describe("asked again, and told of", () => {
  const POD = {
    id: ID,
    sandboxId: "cd".repeat(32),
    name: "app",
    image: "shop:1.4",
    pod: { name: "shop-0", uid: "u-1", namespace: "prod" },
    labels: { app: "shop", "api-token": "hunter2" },
  };
  const LABELS = { "api-token": "hunter2", app: "shop" };
  const KNOWN = {
    runtime: "containerd",
    name: "app",
    image: "shop:1.4",
    pod: { ...POD.pod, labels: LABELS },
  };
  const socket = () => join(root, "run.sock");
  const opened: RuntimeNames[] = [];
  const fakes: FakeCri[] = [];

  function names(more: RuntimeNamesOptions = {}): RuntimeNames {
    const made = new RuntimeNames({ root, sockets: [socket()], timeout_ms: 500, pause_ms: 20, ...more });
    opened.push(made);
    return made;
  }
  async function serve(methods: Methods): Promise<FakeCri> {
    const fake = await fakeCri(socket(), methods);
    fakes.push(fake);
    return fake;
  }
  const until = (true_: () => boolean) => vi.waitFor(() => expect(true_()).toBe(true), { timeout: 5_000, interval: 5 });

  afterEach(async () => {
    for (const one of opened.splice(0)) one.close();
    await Promise.all(fakes.splice(0).map((one) => one.close()));
  });

  test("a runtime that comes later is found, and one line says why there was no name", async () => {
    const notices: string[] = [];
    const told: RuntimeAnswer[] = [];
    const late = names({ onNotice: (line) => notices.push(line) });
    late.lookup({ container: { id: ID, runtime: null }, pod: { uid: "u-1" } }, (answer) => told.push(answer));
    late.lookup({ container: { id: "ef".repeat(32), runtime: null } }, () => {});
    await until(() => notices.length > 0);
    expect(late.summary).toMatch(/^0 of 2 containers named; /);
    await serve(criMethods([POD]));
    await until(() => told.length > 0);
    expect(told.at(-1)).toEqual(KNOWN);
    expect(notices).toEqual([
      expect.stringMatching(/^containers: no name for (?:ab|ef)+: no runtime's socket is here/),
    ]);
    expect(late.summary).toBe(`1 of 2 containers named (${socket()}); ${socket()} did not tell`);
  });

  test("what is known is not asked for again; who asks later is told at once", async () => {
    const fake = await serve(criMethods([POD]));
    const asked = names();
    await new Promise<void>((done) =>
      asked.lookup({ container: { id: ID, runtime: null }, pod: { uid: "u-1" } }, () => done()),
    );
    await until(() => asked.summary?.startsWith("1 of 1") === true);
    const calls = fake.called.length;
    let told: RuntimeAnswer | null = null;
    asked.lookup({ container: { id: ID, runtime: null }, pod: { uid: "u-1" } }, (answer) => {
      told = answer;
    });
    expect(told).toEqual(KNOWN);
    await new Promise((done) => setTimeout(done, 100));
    expect(fake.called.length).toBe(calls);
  });

  test("what runs at the start is known before anybody asks", async () => {
    const fake = await serve({
      ...criMethods([{ ...POD, image: `sha256:${"12".repeat(32)}` }]),
      "/runtime.v1.ImageService/ListImages": () => ({
        1: [{ 1: `sha256:${"12".repeat(32)}`, 2: ["shop:1.4", "shop:1"] }],
      }),
    });
    const primed = names();
    await primed.prime();
    const calls = fake.called.length;
    const told: RuntimeAnswer[] = [];
    primed.lookup({ container: { id: ID, runtime: null }, pod: { uid: "u-1" } }, (answer) => told.push(answer));
    expect(told).toEqual([KNOWN]);
    expect(fake.called.length).toBe(calls);
    expect(primed.summary).toBe(`1 of 1 containers named (${socket()})`);
  });

  test("labels go through the redactor", async () => {
    await serve(criMethods([POD]));
    const redactor = new Redactor();
    const careful = names({ redactLabels: (labels) => redactedLabels(labels, redactor.arguments) });
    const answer = await new Promise<RuntimeAnswer>((done) =>
      careful.lookup({ container: { id: ID, runtime: null }, pod: { uid: "u-1" } }, done),
    );
    expect(answer.pod?.labels).toEqual({ "api-token": "<redacted:7>", app: "shop" });
  });

  test("a runtime that fails is left alone for longer and longer", async () => {
    const fake = await serve({ "/runtime.v1.RuntimeService/Version": () => ({ status: 14 }) });
    const asked = names({ pause_ms: 40 });
    for (let number = 0; number < 50; number++) {
      asked.lookup({ container: { id: number.toString(16).padStart(64, "0"), runtime: null } }, () =>
        expect.unreachable(),
      );
    }
    await new Promise((done) => setTimeout(done, 400));
    // at 0, 40, 120 and 280 ms; each of the four that are asked at a time may come in between
    expect(fake.called.length).toBeGreaterThan(1);
    expect(fake.called.length).toBeLessThanOrEqual(20);
    expect(asked.summary).toMatch(/0 of 50 containers named; .*gRPC status 14/);
  });

  test("a full table forgets its oldest, and says so", async () => {
    let forgotten = 0;
    const full = names({
      onForgotten: () => {
        forgotten++;
      },
    });
    for (let number = 0; number < 2_100; number++) {
      full.lookup({ container: { id: number.toString(16).padStart(64, "0"), runtime: null } }, () => {});
    }
    expect(forgotten).toBe(52);
    expect(full.summary).toMatch(/of 2048 containers/);
  });

  test("a socket that is none is the user's mistake", () => {
    expect(() => names({ sockets: ["tcp://127.0.0.1:2375"] })).toThrow(Trouble);
    expect(() => names({ sockets: ["unix:///run/x.sock", "/run/y.sock"] })).not.toThrow();
  });
});

test("labels: names with a prefix, values with a secret", () => {
  const redactor = new Redactor();
  const shown = (labels: Record<string, string>) => redactedLabels(labels, redactor.arguments);
  const plain = {
    app: "web",
    "app.kubernetes.io/name": "web",
    "pod-template-hash": "5d4f8c7b9",
    "controller-revision-hash": "5d4f8c7b9",
    "statefulset.kubernetes.io/pod-name": "web-0",
    empty: "",
    "-p": "80",
    "a=b": "c",
  };
  expect(shown(plain)).toEqual(plain);
  expect(shown({ "example.com/password": "hunter2", authorization: "Bearer abcdefghijkl" })).toEqual({
    "example.com/password": "<redacted:7>",
    authorization: expect.stringContaining("redacted"),
  });
});
