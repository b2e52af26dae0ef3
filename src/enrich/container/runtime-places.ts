/**
 * Where container runtimes are looked for on a host, each as a source that is opened when it is first needed: most hosts
 * have one of them, and what speaks to it is not loaded for the others.
 */
import { stat } from "node:fs/promises";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { Answers, Asked, NameSource, PathAsked, RuntimeAnswer } from "./runtime-answer.ts";
import { SourceTrouble, TIMEOUT_MS, troubleOf } from "./source-trouble.ts";

type Api = "grpc" | "docker";

const SOCKETS: readonly (readonly [path: string, api: Api])[] = [
  ["/run/containerd/containerd.sock", "grpc"],
  ["/run/crio/crio.sock", "grpc"],
  ["/run/k3s/containerd/containerd.sock", "grpc"],
  ["/run/k0s/containerd.sock", "grpc"],
  ["/var/snap/microk8s/common/run/containerd.sock", "grpc"],
  ["/var/run/cri-dockerd.sock", "grpc"],
  ["/var/run/docker.sock", "docker"],
  ["/run/podman/podman.sock", "docker"],
];

export interface RuntimePlaces {
  /** Sockets to ask in place of the usual ones: `unix:///run/x.sock` or a path. Throws Trouble when it is neither. */
  readonly sockets?: readonly string[];
  /** Put before the usual paths (tests). */
  readonly root?: string;
  readonly timeout_ms?: number;
}

/** A place, and what answers there, for people. */
export interface DescribedSource extends NameSource {
  describe(): Promise<string>;
}

/** In the order in which they are asked. */
export function socketSources({ sockets, root = "", timeout_ms }: RuntimePlaces): DescribedSource[] {
  const given = givenSockets({ sockets });
  if (given.length === 0) return SOCKETS.map(([path, api]) => new SocketSource(root + path, [api], timeout_ms));
  return given.map((path) => new SocketSource(path, ["grpc", "docker"], timeout_ms));
}

/** Sockets where only the Docker API is spoken. */
export function dockerSockets(paths: readonly string[]): NameSource[] {
  return paths.map((path) => new SocketSource(path, ["docker"], undefined));
}

/** Paths of the sockets that somebody named; empty when the usual ones are meant. Throws Trouble. */
export function givenSockets({ sockets = [] }: RuntimePlaces): string[] {
  return sockets.map(socketPath);
}

function socketPath(text: string): string {
  const path = text.replace(/^unix:(?:\/\/)?(?=\/)/, "");
  if (path.startsWith("/") && Buffer.byteLength(path) < 108 && !path.includes("\0")) return path;
  throw new Trouble(`container runtime: ${JSON.stringify(text)} is no unix socket`, {
    exitCode: EXIT.usage,
    hint: "Give a path such as /run/containerd/containerd.sock or unix:///run/crio/crio.sock.",
  });
}

/** A socket at which one of several interfaces is spoken; the first that answers is kept to. */
class SocketSource implements DescribedSource {
  readonly place: string;
  private readonly apis: readonly Api[];
  private readonly timeout_ms: number | undefined;
  private spoken: DescribedSource | null = null;

  constructor(path: string, apis: readonly Api[], timeout_ms: number | undefined) {
    this.place = path;
    this.apis = apis;
    this.timeout_ms = timeout_ms;
  }

  ask(asked: Asked): Promise<RuntimeAnswer | null> {
    return this.use((source) => source.ask(asked));
  }

  askPath(asked: PathAsked): Promise<RuntimeAnswer | null> {
    return this.use(async (source) => (await source.askPath?.(asked)) ?? null);
  }

  list(): Promise<Answers> {
    return this.use(async (source) => (await source.list?.()) ?? new Map());
  }

  describe(): Promise<string> {
    return this.use((source) => source.describe());
  }

  private async use<Value>(ask: (source: DescribedSource) => Promise<Value>): Promise<Value> {
    await stat(this.place).catch((error) => {
      throw troubleOf(error);
    });
    if (this.spoken !== null) return ask(this.spoken);
    const troubles: string[] = [];
    const started = performance.now();
    for (const api of this.apis) {
      // who was silent to one will be silent to the other
      if (performance.now() - started >= (this.timeout_ms ?? TIMEOUT_MS)) break;
      const source = await open(api, this.place, this.timeout_ms);
      try {
        const value = await ask(source);
        this.spoken = source;
        return value;
      } catch (error) {
        troubles.push(troubleOf(error as Error).message);
      }
    }
    throw new SourceTrouble([...new Set(troubles)].join("; "));
  }
}

async function open(api: Api, path: string, timeout_ms: number | undefined): Promise<DescribedSource> {
  if (api === "grpc") return new (await import("./grpc-source.ts")).GrpcSource(path, path, timeout_ms);
  return new (await import("./docker-api.ts")).DockerSource(path, path, timeout_ms);
}

/** The kubelet, loaded when a container of Kubernetes is first met. */
export function kubeletSource(root = ""): DescribedSource {
  let kubelet: DescribedSource | null = null;
  const load = async () => {
    kubelet ??= new (await import("./kubelet.ts")).Kubelet({ root });
    return kubelet;
  };
  return {
    get place() {
      return kubelet?.place ?? "kubelet";
    },
    ask: async (asked) => (asked.podUid === null ? null : (await load()).ask(asked)),
    describe: async () => (await load()).describe(),
  };
}
