/**
 * Pods and their containers as this host's kubelet knows them (`GET /pods`): for where the runtime's socket cannot be
 * reached, as in a pod without host mounts. Asked only about a container of Kubernetes, and only at this host's own
 * addresses: first the read-only port, then the authenticated one with the service account of the pod that earshot runs
 * in. All pods come at once and are kept; an unknown pod makes it ask again, not more often than every five seconds.
 */
import { type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { type Endpoint, KubeletPlace, type KubeletPlaceOptions } from "./kubelet-place.ts";
import { type KubeletPod, PodListReader } from "./pod-list.ts";
import { type Asked, answerOf, type NameSource, type RuntimeAnswer } from "./runtime-answer.ts";
import { SourceTrouble, TIMEOUT_MS, troubleOf } from "./source-trouble.ts";

const MAX_LIST_BYTES = 64 << 20;
const ASK_AGAIN_MS = 5_000;

export interface KubeletOptions extends KubeletPlaceOptions {
  readonly timeout_ms?: number;
  readonly askAgain_ms?: number;
}

export class Kubelet implements NameSource {
  private readonly options: KubeletOptions;
  private readonly where: KubeletPlace;
  private pods = new Map<string, KubeletPod>();
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | null = null;
  private answering: Endpoint | null = null;

  constructor(options: KubeletOptions = {}) {
    this.options = options;
    this.where = new KubeletPlace(options);
  }

  get place(): string {
    return this.answering === null ? "kubelet" : `kubelet at ${this.answering.text}`;
  }

  async ask(asked: Asked): Promise<RuntimeAnswer | null> {
    if (asked.podUid === null) return null;
    if (this.find(asked) === null) await this.refresh();
    const pod = this.find(asked);
    if (pod === null) return null;
    const container = pod.containers.get(asked.id);
    return answerOf(null, container?.name, container?.image, { ...pod.info, uid: asked.podUid });
  }

  /** For people: what answers there. */
  async describe(): Promise<string> {
    await this.refresh();
    return `${this.place}, ${this.pods.size} pods`;
  }

  /** A known pod with a container we do not know is listed again: the container is newer than the list. */
  private find({ id, podUid }: Asked): KubeletPod | null {
    const pod = podUid === null ? undefined : this.pods.get(podUid);
    const recent = performance.now() - this.askedAt < (this.options.askAgain_ms ?? ASK_AGAIN_MS);
    return pod && (recent || pod.containers.has(id)) ? pod : null;
  }

  private async refresh(): Promise<void> {
    if (performance.now() - this.askedAt < (this.options.askAgain_ms ?? ASK_AGAIN_MS)) return;
    this.asking ??= this.listPods().finally(() => {
      this.asking = null;
    });
    await this.asking;
  }

  private async listPods(): Promise<void> {
    const troubles: string[] = [];
    let absent = true;
    for (const find of this.where.endpoints()) {
      try {
        const endpoint = await find();
        const pods = await this.get(endpoint);
        this.pods = new Map(pods.flatMap((pod) => pod.uids.map((uid) => [uid, pod] as const)));
        this.answering = endpoint;
        this.askedAt = performance.now();
        return;
      } catch (error) {
        const trouble = troubleOf(error as Error);
        absent &&= trouble.absent;
        troubles.push(trouble.message);
      }
    }
    this.answering = null;
    throw new SourceTrouble([...new Set(troubles)].join("; "), absent);
  }

  private get(endpoint: Endpoint): Promise<KubeletPod[]> {
    const timeout_ms = this.options.timeout_ms ?? TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        asked.destroy();
        reject(new SourceTrouble(`${endpoint.text}: ${why}`));
      };
      const asked = requestTo(endpoint, (response) => readList(response, resolve, fail));
      const timer = setTimeout(() => fail(`no answer within ${timeout_ms / 1000} s`), timeout_ms).unref();
      asked.on("socket", (socket) => socket.unref());
      asked.on("error", (error) => fail(troubleOf(error).message));
      asked.on("close", () => clearTimeout(timer));
      asked.end();
    });
  }
}

function requestTo({ host, port, secure }: Endpoint, taken: (response: IncomingMessage) => void): ClientRequest {
  const options = { host, port, path: "/pods", agent: false as const };
  if (secure === null) return plainRequest(options, taken);
  const { authorities, checkName, token } = secure;
  const headers = { Authorization: `Bearer ${token}` };
  return secureRequest({ ...options, headers, ca: [...authorities], checkServerIdentity: checkName }, taken);
}

/** Calls one of the two; `fail` also when the answer is over, where it does no harm any more. */
function readList(response: IncomingMessage, resolve: (pods: KubeletPod[]) => void, fail: (why: string) => void): void {
  const { statusCode } = response;
  if (statusCode !== 200) {
    const right = statusCode === 401 || statusCode === 403 ? ": the service account needs to get nodes/proxy" : "";
    fail(`HTTP status ${statusCode}${right}`);
    return;
  }
  const reader = new PodListReader();
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_LIST_BYTES || !reader.push(chunk)) fail("not a list of pods, or too long a one");
  });
  response.on("end", () => {
    if (reader.complete) resolve(reader.pods);
    else fail("not a list of pods");
  });
  response.on("error", () => fail("it hung up"));
  response.on("close", () => fail("it hung up"));
}
