/** A container runtime made up for tests: gRPC over a unix socket, which knows what it is given, or behaves as badly. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type Encodable, encode, Message } from "../../src/enrich/container/protobuf.ts";

export type Answer = Encodable | { readonly status: number };
/** By `/package.Service/Method`; what is not there is unimplemented. */
export type Methods = Readonly<Record<string, (request: Message, headers: IncomingHttpHeaders) => Answer>>;

export interface FakeCri {
  /** Methods in the order in which they were called. */
  readonly called: string[];
  close(): Promise<void>;
}

/** `misbehave` gets every stream in place of an answer. */
export async function fakeCri(
  path: string,
  methods: Methods,
  misbehave?: (stream: ServerHttp2Stream) => void,
): Promise<FakeCri> {
  const called: string[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    called.push(headers[":path"] ?? "");
    if (misbehave) misbehave(stream);
    else void answer(stream, headers, methods);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    called,
    async close() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, methods: Methods): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const method = methods[headers[":path"] ?? ""];
  const told = method?.(new Message(Buffer.concat(chunks).subarray(5)), headers) ?? { status: 12 };
  if ("status" in told) {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": told.status },
      { endStream: true },
    );
    return;
  }
  reply(stream, encode(told));
}

/** One message, as gRPC frames it. */
export function reply(stream: ServerHttp2Stream, message: Uint8Array, declared_bytes = message.length): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(declared_bytes, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(Buffer.concat([head, message]));
}

export interface FakePod {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  /** As the kubelet asked for it, and as the runtime knows it. */
  readonly image: string;
  readonly imageName?: string;
  readonly pod: { readonly name: string; readonly uid: string; readonly namespace: string };
  readonly labels: Readonly<Record<string, string>>;
}

/** A CRI of this version that knows these containers. */
export function criMethods(pods: readonly FakePod[], version = "v1", runtime = "containerd"): Methods {
  const service = `/runtime.${version}.RuntimeService`;
  /** message ContainerFilter and PodSandboxFilter: an id, or all. */
  const wanted = (request: Message) => request.message(1)?.text(1) ?? "";
  return {
    [`${service}/Version`]: () => ({ 1: "0.1.0", 2: runtime, 3: "9.9.9", 4: version }),
    [`${service}/ListContainers`]: (request) => ({
      1: pods.filter(({ id }) => wanted(request) === "" || id === wanted(request)).map(criContainer),
    }),
    [`${service}/ListPodSandbox`]: (request) => ({
      1: pods.filter(({ sandboxId }) => wanted(request) === "" || sandboxId === wanted(request)).map(criSandbox),
    }),
    [`${service}/ContainerStatus`]: (request) => {
      const found = pods.find(({ id }) => id === request.text(1));
      return found ? { 1: { 1: found.id, 8: { 1: found.imageName ?? found.image } } } : { status: 5 };
    },
  };
}

const criContainer = ({ id, sandboxId, name, image }: FakePod) => ({
  1: id,
  2: sandboxId,
  3: { 1: name },
  4: { 1: image },
  6: 1,
});

const criSandbox = ({ sandboxId, pod, labels }: FakePod) => ({
  1: sandboxId,
  2: { 1: pod.name, 2: pod.uid, 3: pod.namespace },
  5: Object.entries({ ...labels, "io.kubernetes.pod.uid": pod.uid }).map(([key, value]) => ({ 1: key, 2: value })),
});
