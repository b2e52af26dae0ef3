/** The Docker API over a unix socket, which podman's service speaks as well: what `docker inspect` shows of a container. */
import { request } from "node:http";
import { fromInspection, fromListing } from "./inspection.ts";
import { parseJson, plain } from "./json.ts";
import { type Answers, type Asked, type NameSource, type RuntimeAnswer, textOf } from "./runtime-answer.ts";
import { MAX_ANSWER_BYTES, MAX_LIST_BYTES, SourceTrouble, TIMEOUT_MS, troubleOf } from "./source-trouble.ts";

interface DockerAnswer {
  readonly status: number;
  readonly body: string;
  readonly runtime: "docker" | "podman";
}

export class DockerSource implements NameSource {
  readonly place: string;
  private readonly socketPath: string;
  private readonly timeout_ms: number;

  constructor(socketPath: string, place = socketPath, timeout_ms = TIMEOUT_MS) {
    this.socketPath = socketPath;
    this.place = place;
    this.timeout_ms = timeout_ms;
  }

  async ask(asked: Asked): Promise<RuntimeAnswer | null> {
    const { status, body, runtime } = await this.get(`/containers/${asked.id}/json`);
    if (status === 404) return null;
    if (status !== 200) throw new SourceTrouble(`HTTP status ${status}`);
    return fromInspection(parseJson(body), runtime);
  }

  async list(): Promise<Answers> {
    const { status, body, runtime } = await this.get("/containers/json", MAX_LIST_BYTES);
    if (status !== 200) throw new SourceTrouble(`HTTP status ${status}`);
    const found = Object.values(plain(parseJson(body))).map((one) => fromListing(one, runtime));
    return new Map(found.filter((one) => one !== null));
  }

  /** For people: what listens there. */
  async describe(): Promise<string> {
    const { body, runtime } = await this.get("/version");
    const version = textOf(plain(parseJson(body))["Version"]);
    if (version === undefined) throw new SourceTrouble("not a Docker API");
    return `${runtime} ${version}, Docker API`;
  }

  private get(path: string, limit_bytes = MAX_ANSWER_BYTES): Promise<DockerAnswer> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.socketPath, path, headers: { Host: "localhost" } }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > limit_bytes) asked.destroy(new SourceTrouble(`an answer of more than ${limit_bytes} bytes`));
          else chunks.push(chunk);
        });
        response.on("error", (error) => settle(() => reject(troubleOf(error))));
        response.on("end", () => {
          const runtime = /libpod/i.test(String(response.headers.server)) ? "podman" : "docker";
          const body = Buffer.concat(chunks).toString("utf8");
          settle(() => resolve({ status: response.statusCode ?? 0, body, runtime }));
        });
      });
      // of the whole answer, so that one that drips in does not last
      const late = () => asked.destroy(new SourceTrouble(`no answer within ${this.timeout_ms / 1000} s`));
      const timer = setTimeout(late, this.timeout_ms).unref();
      const settle = (how: () => void) => {
        clearTimeout(timer);
        how();
      };
      asked.on("socket", (socket) => socket.unref());
      asked.on("error", (error) => settle(() => reject(troubleOf(error))));
      asked.end();
    });
  }
}
