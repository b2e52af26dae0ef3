import { mkdtempSync, rmSync } from "node:fs";
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  criMethods,
  type FakeCri,
  type FakePod,
  fakeCri,
  type Methods,
  reply,
} from "../../../test/support/fake-cri.ts";
import { GrpcSource } from "./grpc-source.ts";
import { encode, Message } from "./protobuf.ts";
import { socketSources } from "./runtime-places.ts";
import { MAX_ANSWER_BYTES } from "./source-trouble.ts";

const ID = "ab".repeat(32);
const SANDBOX = "cd".repeat(32);
const DIGEST = `sha256:${"12".repeat(32)}`;
const POD: FakePod = {
  id: ID,
  sandboxId: SANDBOX,
  name: "app",
  image: DIGEST,
  imageName: "registry.example/shop:1.4",
  pod: { name: "shop-0", uid: "u-1", namespace: "prod" },
  labels: { tier: "front", app: "shop" },
};
const ASKED = { id: ID, podUid: "u-1" };
const KNOWN = {
  runtime: "containerd",
  name: "app",
  image: "registry.example/shop:1.4",
  pod: { uid: "u-1", name: "shop-0", namespace: "prod", labels: { app: "shop", tier: "front" } },
};

let folder: string;
let path: string;
const open: FakeCri[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-cri-"));
  path = join(folder, "cri.sock");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function serve(methods: Methods, misbehave?: (stream: ServerHttp2Stream) => void): Promise<FakeCri> {
  const runtime = await fakeCri(path, methods, misbehave);
  open.push(runtime);
  return runtime;
}

const source = (timeout_ms = 2_000) => new GrpcSource(path, path, timeout_ms);

describe("the CRI", () => {
  test("container, image by its name, pod and labels", async () => {
    const runtime = await serve(criMethods([POD]));
    const asked = source();
    expect(await asked.ask(ASKED)).toEqual(KNOWN);
    expect(await asked.ask(ASKED)).toEqual(KNOWN);
    const methods = runtime.called.map((method) => method.split("/")[2]).sort();
    const once = ["ContainerStatus", "ListContainers", "ListPodSandbox"];
    expect(methods).toEqual([...once, ...once, "Version"].sort());
    expect(await source().describe()).toBe("containerd 9.9.9, CRI v1");
  });

  test("the image as it was asked for, when that is a name", async () => {
    await serve(criMethods([{ ...POD, image: "shop:1.4", imageName: "another-name-of-the-same:9" }]));
    expect((await source().ask(ASKED))?.image).toBe("shop:1.4");
  });

  test("an old runtime speaks v1alpha2", async () => {
    await serve(criMethods([POD], "v1alpha2", "cri-o"));
    expect(await source().ask(ASKED)).toEqual({ ...KNOWN, runtime: "cri-o" });
  });

  test("the container that only holds the pod's namespaces", async () => {
    await serve(criMethods([POD]));
    expect(await source().ask({ id: SANDBOX, podUid: "u-1" })).toEqual({ runtime: "containerd", pod: KNOWN.pod });
  });

  test("a container it does not know, and a runtime that answers with another one", async () => {
    await serve(criMethods([POD]));
    expect(await source().ask({ id: "ef".repeat(32), podUid: null })).toBeNull();
    await open.pop()!.close();
    const methods = criMethods([POD]);
    await serve({
      ...methods,
      "/runtime.v1.RuntimeService/ListContainers": () => ({ 1: [{ 1: SANDBOX, 2: SANDBOX }] }),
    });
    expect((await source().ask(ASKED))?.name).toBeUndefined();
  });
});

describe("containerd's own API", () => {
  const CONTAINERS = "/containerd.services.containers.v1.Containers/Get";
  const NAMESPACES = "/containerd.services.namespaces.v1.Namespaces/List";

  test("a container of nerdctl, in whichever namespace it is", async () => {
    await serve({
      ...criMethods([POD]),
      [NAMESPACES]: () => ({ 1: [{ 1: "k8s.io" }, { 1: "bad\nname" }, { 1: "default" }] }),
      [CONTAINERS]: (request, headers) => {
        if (headers["containerd-namespace"] !== "default") return { status: 5 };
        return { 1: { 1: request.text(1), 2: [{ 1: "nerdctl/name", 2: "db" }], 3: "docker.io/library/redis:7" } };
      },
    });
    const answer = { runtime: "containerd", name: "db", image: "docker.io/library/redis:7" };
    expect(await source().ask({ id: "ef".repeat(32), podUid: null })).toEqual(answer);
  });

  test("a container of docker's is left to docker", async () => {
    await serve({
      [NAMESPACES]: () => ({ 1: [{ 1: "moby" }] }),
      [CONTAINERS]: (request) => ({ 1: { 1: request.text(1), 2: [{ 1: "com.docker/engine.bundle.path", 2: "/x" }] } }),
    });
    expect(await source().ask({ id: ID, podUid: null })).toBeNull();
  });

  test("containerd without the CRI", async () => {
    await serve({
      [NAMESPACES]: () => ({ 1: [{ 1: "default" }] }),
      [CONTAINERS]: (request) => ({ 1: { 1: request.text(1), 3: "redis:7" } }),
    });
    expect(await source().ask({ id: ID, podUid: null })).toEqual({ runtime: "containerd", image: "redis:7" });
    expect(await source().describe()).toBe("containerd without CRI");
  });
});

describe("a runtime that misbehaves is told of in a few words", () => {
  const cases: Readonly<Record<string, readonly [RegExp, (stream: ServerHttp2Stream) => void]>> = {
    "a message without end": [
      /more than 1048576 bytes/,
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" });
        const more = () => {
          while (!stream.destroyed && stream.write(Buffer.alloc(65_536))) {}
        };
        stream.on("drain", more);
        more();
      },
    ],
    "a length that is not true": [/broken gRPC answer/, (stream) => reply(stream, Buffer.alloc(10), MAX_ANSWER_BYTES)],
    rubbish: [/broken protobuf/, (stream) => reply(stream, Buffer.alloc(200, 0xff))],
    "a message of nothing but fields": [
      /broken protobuf/,
      (stream) => reply(stream, Buffer.alloc(100_000, Buffer.from([8, 1]))),
    ],
    "groups in groups": [/broken protobuf/, (stream) => reply(stream, Buffer.alloc(100_000, 0x0b))],
    silence: [/no answer within 0\.3 s/, () => {}],
    "an answer that does not end": [
      /no answer within 0\.3 s/,
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" });
        stream.write(Buffer.alloc(5));
      },
    ],
    reset: [/./, (stream) => stream.close(2)],
    "it hangs up": [/hung up/, (stream) => stream.session?.destroy()],
    goodbye: [/hung up|session/, (stream) => stream.session?.goaway(0, 0)],
    "another content type": [
      /not gRPC/,
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "text/html" });
        stream.end("<html>");
      },
    ],
    "an error of HTTP": [
      /not gRPC: HTTP status 502/,
      (stream) => stream.respond({ ":status": 502 }, { endStream: true }),
    ],
    "no trailers": [
      /without an end/,
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" });
        stream.end(Buffer.alloc(5));
      },
    ],
    "a status that is none": [
      /without an end/,
      (stream) =>
        stream.respond(
          { ":status": 200, "content-type": "application/grpc", "grpc-status": "ok" },
          { endStream: true },
        ),
    ],
    "a status with a message to annoy terminals": [
      /^gRPC status 14: no\uFFFD\[31m$/,
      (stream) =>
        stream.respond(
          { ":status": 200, "content-type": "application/grpc", "grpc-status": 14, "grpc-message": "no%1B[31m" },
          { endStream: true },
        ),
    ],
    "a compressed message": [
      /not a plain gRPC answer/,
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.from([1, 0, 0, 0, 0]));
      },
    ],
  };

  test.each(Object.entries(cases))("%s", async (_name, [message, misbehave]) => {
    await serve({}, misbehave);
    const started = performance.now();
    await expect(source(300).ask(ASKED)).rejects.toThrow(message);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("a server of another protocol, or of none", async () => {
    for (const talk of ["HTTP/1.1 400 Bad Request\r\n\r\n", "", "\0".repeat(100_000)]) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.resume().end(talk);
      }).listen(path);
      await expect(source(300).ask(ASKED)).rejects.toThrow(/hung up|does not speak gRPC|no answer/);
      await new Promise((done) => server.close(done));
    }
  });

  test("a named socket that is silent is not asked in another language as well", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on("error", () => {}).resume();
    }).listen(path);
    const [named] = socketSources({ sockets: [path], timeout_ms: 200 });
    await expect(named.ask(ASKED)).rejects.toThrow("no answer within 0.2 s");
    expect(connections).toBe(1);
    await new Promise((done) => server.close(done));
  });

  test("nothing there", async () => {
    await expect(source().ask(ASKED)).rejects.toMatchObject({ message: "not there", absent: true });
  });
});

describe("protobuf", () => {
  test("no bytes do anything but give a message or a refusal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          const message = new Message(bytes);
          for (let field = 1; field < 10; field++) expect(typeof message.text(field)).toBe("string");
          message.map(1);
        } catch (error) {
          expect((error as Error).message).toBe("a broken protobuf message");
        }
      }),
    );
  });

  test("what is written is read", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.string())), (entries) => {
        const message = new Message(
          encode({ 1: 7, 5: entries.map(([key, value]) => ({ 1: key, 2: value })), 300: true }),
        );
        expect(message.map(5)).toEqual(entries);
      }),
    );
  });
});
