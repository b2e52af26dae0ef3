import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { dripping, endless } from "../../../test/support/hostile-http.ts";
import { installed } from "../../../test/support/process-lab.ts";
import { Kubelet, type KubeletOptions } from "./kubelet.ts";
import { PodListReader } from "./pod-list.ts";

const ID = "ab".repeat(32);
const UID = "1a2b3c4d-0001-0002-0003-0123456789ab";
const ASKED = { id: ID, podUid: UID };
const POD = {
  metadata: {
    name: "shop-0",
    namespace: "prod",
    uid: UID,
    labels: { tier: "front", app: 'a"}]\\' },
    annotations: { "kubernetes.io/config.hash": "0123456789abcdef0123456789abcdef" },
  },
  spec: { containers: [{ name: "app", image: "shop" }] },
  status: { containerStatuses: [{ name: "app", image: "shop:1.4", containerID: `containerd://${ID}` }] },
};
const LIST = { kind: "PodList", apiVersion: "v1", metadata: {}, items: [POD] };
const INFO = { uid: UID, name: "shop-0", namespace: "prod", labels: { app: 'a"}]\\', tier: "front" } };
const KNOWN = { runtime: null, name: "app", image: "shop:1.4", pod: INFO };

let root: string;
const servers: Server[] = [];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "earshot-kubelet-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("error", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const json = (value: unknown) => (_request: IncomingMessage, response: ServerResponse) => {
  response.end(JSON.stringify(value));
};

/** A kubelet with the read-only port only; nothing listens on port 1. */
async function readOnly(listener: RequestListener, more: Partial<KubeletOptions> = {}): Promise<Kubelet> {
  const readOnlyPort = await listen(createServer(listener));
  return new Kubelet({ env: {}, root, readOnlyPort, securePort: 1, timeout_ms: 300, ...more });
}

describe("pods from the read-only port", () => {
  test("name, namespace, labels, container and image; kept for the next container", async () => {
    let lists = 0;
    const kubelet = await readOnly((request, response) => {
      lists++;
      expect(request.url).toBe("/pods");
      expect(request.headers.authorization).toBeUndefined();
      json(LIST)(request, response);
    });
    expect(await Promise.all([kubelet.ask(ASKED), kubelet.ask(ASKED)])).toEqual([KNOWN, KNOWN]);
    expect(await kubelet.ask({ id: "ef".repeat(32), podUid: UID })).toEqual({ runtime: null, pod: INFO });
    expect(await kubelet.ask({ id: ID, podUid: "another" })).toBeNull();
    expect(lists).toBe(1);
    expect(kubelet.place).toMatch(/^kubelet at 127\.0\.0\.1:\d+$/);
  });

  test("a static pod goes by its hash, and an unknown pod is looked for again", async () => {
    let lists = 0;
    const kubelet = await readOnly((...both) => json(lists++ === 0 ? { ...LIST, items: [] } : LIST)(...both), {
      askAgain_ms: 0,
    });
    const podUid = "0123456789abcdef0123456789abcdef";
    expect(await kubelet.ask({ id: ID, podUid })).toBeNull();
    expect((await kubelet.ask({ id: ID, podUid }))?.pod).toEqual({ ...INFO, uid: podUid });
  });

  test("is not asked about anything but Kubernetes, nor where another user listens", async () => {
    const never = () => expect.unreachable();
    const kubelet = await readOnly(never);
    expect(await kubelet.ask({ id: ID, podUid: null })).toBeNull();
    const strange = await readOnly(never, { trusted: [4_000_000] });
    await expect(strange.ask(ASKED)).rejects.toThrow(/belongs to user \d+, who is not the kubelet/);
  });

  test("only an address of this host", async () => {
    const far = new Kubelet({ env: { NODE_IP: "192.0.2.1" }, root, timeout_ms: 300 });
    await expect(far.ask(ASKED)).rejects.toThrow("NODE_IP or HOST_IP is no address of this host");
    const here = await readOnly(json(LIST), { env: { HOST_IP: "127.0.0.1" } });
    expect(await here.ask(ASKED)).toEqual(KNOWN);
  });

  test("nothing there is no trouble", async () => {
    const kubelet = new Kubelet({ env: {}, root, readOnlyPort: 1, securePort: 2 });
    await expect(kubelet.ask(ASKED)).rejects.toMatchObject({ absent: true, message: /nobody listens/ });
  });

  const bad: Readonly<Record<string, readonly [RegExp, RequestListener]>> = {
    silence: [/no answer within 0\.3 s/, () => {}],
    "an answer that drips in": [/no answer within 0\.3 s/, dripping],
    rubbish: [/not a list of pods/, (_request, response) => response.end("rubbish")],
    "half a list": [/not a list of pods/, (_request, response) => response.end('{"items":[{"metadata":{')],
    "it hangs up": [/hung up/, (_request, response) => response.destroy()],
    "more closed than opened": [/not a list of pods/, (_request, response) => response.end("]]]]")],
    "one pod without end": [
      /not a list of pods, or too long/,
      (_request, response) => endless(response, '{"items":[{"a":"', "x"),
    ],
    "pods without end": [
      /not a list of pods, or too long|no answer/,
      (_request, response) => endless(response, '{"items":[', "{},"),
    ],
    "an error": [/HTTP status 500/, (_request, response) => response.writeHead(500).end()],
    "a redirect elsewhere": [
      /HTTP status 302/,
      (_request, response) => response.writeHead(302, { Location: "http://192.0.2.1/" }).end(),
    ],
  };

  test.each(Object.entries(bad))("%s", async (_name, [message, listener]) => {
    const kubelet = await readOnly(listener, { timeout_ms: 300 });
    await expect(kubelet.ask(ASKED)).rejects.toThrow(message);
  });
});

const noOpenssl = !installed("openssl");

describe.skipIf(noOpenssl)(`the authenticated port${noOpenssl ? " (SKIPPED: needs openssl)" : ""}`, () => {
  const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
  let folder: string;

  const file = (path: string, text: string) => {
    mkdirSync(dirname(folder + path), { recursive: true });
    writeFileSync(folder + path, text);
  };
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });

  /** An authority of its own and a certificate for one name; gives the files' names. */
  function certificate(name: string, alternative: string): { ca: string; cert: string; key: string } {
    const days = ["-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    openssl(
      "req",
      "-x509",
      ...days,
      "-keyout",
      `${name}-ca.key`,
      "-out",
      `${name}-ca.crt`,
      "-subj",
      `/CN=${name} authority`,
    );
    const by = ["-CA", `${name}-ca.crt`, "-CAkey", `${name}-ca.key`, "-addext", `subjectAltName=${alternative}`];
    openssl("req", "-x509", ...days, "-keyout", `${name}.key`, "-out", `${name}.crt`, "-subj", `/CN=${name}`, ...by);
    const read = (path: string) => readFileSync(join(folder, path), "utf8");
    return { ca: read(`${name}-ca.crt`), cert: read(`${name}.crt`), key: read(`${name}.key`) };
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "earshot-kubelet-tls-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function secure(alternative: string, listener: RequestListener, more: Partial<KubeletOptions> = {}) {
    const made = certificate("node", alternative);
    const securePort = await listen(createSecureServer({ cert: made.cert, key: made.key }, listener));
    file(`${ACCOUNT}/token`, "the.service-account_token\n");
    file(`${ACCOUNT}/ca.crt`, made.ca);
    return new Kubelet({ env: {}, root: folder, readOnlyPort: 1, securePort, ...more });
  }

  test("with the service account's token, the cluster's authority, and the address in the certificate", async () => {
    const kubelet = await secure("IP:127.0.0.1", (request, response) => {
      expect(request.headers.authorization).toBe("Bearer the.service-account_token");
      json(LIST)(request, response);
    });
    expect(await kubelet.ask(ASKED)).toEqual(KNOWN);
  });

  test("a certificate for the node's name will do", async () => {
    const kubelet = await secure("DNS:node-7", json(LIST), { env: { NODE_NAME: "node-7" } });
    expect(await kubelet.ask(ASKED)).toEqual(KNOWN);
  });

  test("the token is not shown to a server of another name, or of another authority", async () => {
    const never = () => expect.unreachable();
    const other = await secure("DNS:somebody-else", never);
    await expect(other.ask(ASKED)).rejects.toThrow(/does not match certificate/);
    const unknown = await secure("IP:127.0.0.1", never);
    file(`${ACCOUNT}/ca.crt`, certificate("stranger", "IP:127.0.0.1").ca);
    await expect(unknown.ask(ASKED)).rejects.toThrow(/certificate/);
  });

  test("the authority that a kubelet made for itself, where its file can be read", async () => {
    const kubelet = await secure("IP:127.0.0.1", json(LIST));
    file("/var/lib/kubelet/pki/kubelet.crt", readFileSync(join(folder, "node-ca.crt"), "utf8"));
    file(`${ACCOUNT}/ca.crt`, certificate("stranger", "IP:127.0.0.1").ca);
    expect(await kubelet.ask(ASKED)).toEqual(KNOWN);
    rmSync(join(folder, "var/lib"), { recursive: true });
  });

  test("a refusal, and no account at all", async () => {
    const kubelet = await secure("IP:127.0.0.1", (_request, response) => response.writeHead(403).end());
    await expect(kubelet.ask(ASKED)).rejects.toThrow("HTTP status 403: the service account needs to get nodes/proxy");
    rmSync(join(folder, ACCOUNT), { recursive: true });
    await expect(kubelet.ask(ASKED)).rejects.toThrow("wants a service account, and this is no pod that has one");
  });
});

describe("a list of pods, cut anywhere", () => {
  const whole = Buffer.from(JSON.stringify(LIST));
  test("gives the same pods", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
        const reader = new PodListReader();
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        for (let index = 1; index < at.length; index++) {
          expect(reader.push(whole.subarray(at[index - 1], at[index]))).toBe(true);
        }
        expect(reader.complete).toBe(true);
        expect(reader.pods.map(({ info }) => info)).toEqual([INFO]);
      }),
    );
  });

  test("or is refused, without an error, when it is anything else", () => {
    const piece = fc.constantFrom('{"items":[', '{"metadata":{"uid":1}}', "{", "}", "]", "[", '"', "\\", "\0", ",");
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const reader = new PodListReader();
        for (const text of pieces) if (!reader.push(Buffer.from(text))) return;
        expect(reader.pods).toEqual([]);
      }),
    );
  });
});
