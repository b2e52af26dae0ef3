/**
 * Container and pod by the Kubernetes Container Runtime Interface (k8s.io/cri-api, `runtime.v1.RuntimeService`, or v1alpha2
 * of old runtimes; both number their fields alike): containerd, cri-o, cri-dockerd. It knows what the kubelet made, only.
 */
import type { PodInfo } from "../../core/process.ts";
import { GRPC, type GrpcConnection, GrpcError } from "./grpc-call.ts";
import { type Encodable, encode, Message } from "./protobuf.ts";
import {
  type Answers,
  type Asked,
  answerOf,
  isBareDigest,
  labelsOf,
  podOf,
  type RuntimeAnswer,
  textOf,
} from "./runtime-answer.ts";

/** Newest first. */
const PACKAGES = ["runtime.v1", "runtime.v1alpha2"] as const;

/** What the runtime calls itself, and how earshot names it. */
const RUNTIMES: Readonly<Record<string, string>> = {
  containerd: "containerd",
  "cri-o": "cri-o",
  docker: "docker",
};

export interface CriVersion {
  readonly package: (typeof PACKAGES)[number];
  readonly runtime: string | null;
  /** For people: `containerd 1.6.20, CRI v1`. */
  readonly text: string;
}

/** Which CRI is spoken there; null when none is. */
export async function criVersion(connection: GrpcConnection): Promise<CriVersion | null> {
  for (const name of PACKAGES) {
    const bytes = await known(connection.call(`/${name}.RuntimeService/Version`, encode({})), GRPC.unimplemented);
    if (bytes === null) continue;
    const message = new Message(bytes);
    const runtime = textOf(message.text(2)) ?? "a runtime without a name";
    const text = `${runtime} ${textOf(message.text(3)) ?? ""}`.trim();
    return { package: name, runtime: RUNTIMES[runtime] ?? null, text: `${text}, CRI ${name.slice("runtime.".length)}` };
  }
  return null;
}

/** null when the CRI does not know the container. */
export async function askCri(
  connection: GrpcConnection,
  version: CriVersion,
  asked: Asked,
): Promise<RuntimeAnswer | null> {
  const cri = new Cri(connection, version);
  const container = await cri.container(asked.id);
  if (container === null) {
    // the container that only holds the pod's namespaces is a sandbox, and has no name of its own
    const pod = await cri.pod(asked.id);
    return pod === undefined ? null : answerOf(version.runtime, undefined, undefined, pod);
  }
  const listed = imageName(container.message(4));
  // the kubelet hands on a digest, and the status knows one of the names of that digest
  const byDigest = listed === undefined || isBareDigest(listed);
  const [pod, image] = await Promise.all([cri.pod(container.text(2)), byDigest ? cri.image(asked.id) : listed]);
  return answerOf(version.runtime, textOf(container.message(3)?.text(1)), image ?? listed, pod);
}

/** All running containers, in two or three calls. */
export async function listCri(connection: GrpcConnection, version: CriVersion): Promise<Answers> {
  const cri = new Cri(connection, version);
  const [containers, sandboxes] = await Promise.all([cri.running(), cri.ready()]);
  const byDigest = containers.some((container) => isBareDigest(imageName(container.message(4)) ?? ""));
  const images = byDigest ? await cri.imageNames() : new Map<string, string>();
  const pods = new Map(sandboxes.map((sandbox) => [sandbox.text(1), sandboxPod(sandbox)]));
  const answers = new Map<string, RuntimeAnswer>();
  for (const [id, pod] of pods) answers.set(id, answerOf(version.runtime, undefined, undefined, pod));
  for (const container of containers) {
    const listed = imageName(container.message(4));
    const image = images.get(listed ?? "") ?? images.get(container.text(5)) ?? listed;
    const name = textOf(container.message(3)?.text(1));
    answers.set(container.text(1), answerOf(version.runtime, name, image, pods.get(container.text(2))));
  }
  return answers;
}

class Cri {
  private readonly connection: GrpcConnection;
  private readonly version: CriVersion;

  constructor(connection: GrpcConnection, version: CriVersion) {
    this.connection = connection;
    this.version = version;
  }

  /** message Container */
  async container(id: string): Promise<Message | null> {
    const answer = await this.call("ListContainers", { 1: { 1: id } });
    return answer.messages(1).find((container) => container.text(1) === id) ?? null;
  }

  async pod(sandboxId: string): Promise<PodInfo | undefined> {
    if (sandboxId === "") return undefined;
    const answer = await this.call("ListPodSandbox", { 1: { 1: sandboxId } });
    return sandboxPod(answer.messages(1).find((one) => one.text(1) === sandboxId));
  }

  /** Messages Container in the state CONTAINER_RUNNING (1). */
  async running(): Promise<Message[]> {
    return (await this.call("ListContainers", { 1: { 2: { 1: 1 } } })).messages(1);
  }

  /** Messages PodSandbox in the state SANDBOX_READY (0). */
  async ready(): Promise<Message[]> {
    return (await this.call("ListPodSandbox", { 1: { 2: {} } })).messages(1);
  }

  /** A name of each image, by its number and by its digests. */
  async imageNames(): Promise<Map<string, string>> {
    const bytes = await this.connection.call(`/${this.version.package}.ImageService/ListImages`, encode({}));
    const names = new Map<string, string>();
    for (const image of new Message(bytes).messages(1)) {
      const name = textOf(image.texts(2)[0]);
      if (name !== undefined) for (const id of [image.text(1), ...image.texts(3)]) names.set(id, name);
    }
    return names;
  }

  /** As the container's status has it. */
  async image(id: string): Promise<string | undefined> {
    const method = `/${this.version.package}.RuntimeService/ContainerStatus`;
    const bytes = await known(this.connection.call(method, encode({ 1: id })), GRPC.notFound);
    return bytes === null ? undefined : imageName(new Message(bytes).message(1)?.message(8));
  }

  private async call(method: string, request: Encodable): Promise<Message> {
    const path = `/${this.version.package}.RuntimeService/${method}`;
    return new Message(await this.connection.call(path, encode(request)));
  }
}

/** message PodSandbox */
function sandboxPod(sandbox: Message | undefined): PodInfo | undefined {
  const metadata = sandbox?.message(2);
  if (!sandbox || !metadata) return undefined;
  const [name, uid, namespace] = [1, 2, 3].map((field) => textOf(metadata.text(field)));
  return podOf(uid, name, namespace, labelsOf(sandbox.map(5)));
}

/** message ImageSpec: what the user wrote, where the runtime keeps it (18), else what the runtime calls it (1). */
function imageName(spec: Message | null | undefined): string | undefined {
  const written = textOf(spec?.text(18));
  return written !== undefined && !isBareDigest(written) ? written : textOf(spec?.text(1));
}

/** null in place of these statuses. */
export async function known(answer: Promise<Uint8Array>, ...statuses: number[]): Promise<Uint8Array | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof GrpcError && statuses.includes(error.status)) return null;
    throw error;
  }
}
