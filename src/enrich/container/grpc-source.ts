/** A runtime that speaks gRPC over a unix socket: asked by the CRI first, then by containerd's own API. */
import { askContainerd, askContainerdPath } from "./containerd-api.ts";
import { askCri, type CriVersion, criVersion, listCri } from "./cri.ts";
import { GrpcConnection } from "./grpc-call.ts";
import type { Answers, Asked, NameSource, PathAsked, RuntimeAnswer } from "./runtime-answer.ts";
import { MAX_LIST_BYTES, TIMEOUT_MS, troubleOf } from "./source-trouble.ts";

export class GrpcSource implements NameSource {
  readonly place: string;
  private readonly socketPath: string;
  private readonly timeout_ms: number;
  /** undefined until asked, and again after trouble: the runtime may have been replaced by another. */
  private version: CriVersion | null | undefined;

  constructor(socketPath: string, place = socketPath, timeout_ms = TIMEOUT_MS) {
    this.socketPath = socketPath;
    this.place = place;
    this.timeout_ms = timeout_ms;
  }

  async ask(asked: Asked): Promise<RuntimeAnswer | null> {
    return this.withConnection(async (connection) => {
      if (this.version === undefined) this.version = await criVersion(connection);
      const byCri = this.version === null ? null : await askCri(connection, this.version, asked);
      return byCri !== null || asked.podUid !== null ? byCri : askContainerd(connection, asked);
    });
  }

  askPath(asked: PathAsked): Promise<RuntimeAnswer | null> {
    return this.withConnection((connection) => askContainerdPath(connection, asked));
  }

  /** The CRI's; containerd's own are asked for one by one, for a list would have each one's whole configuration. */
  async list(): Promise<Answers> {
    return this.withConnection(async (connection) => {
      if (this.version === undefined) this.version = await criVersion(connection);
      return this.version === null ? new Map() : listCri(connection, this.version);
    }, MAX_LIST_BYTES);
  }

  /** For people: what listens there. */
  async describe(): Promise<string> {
    return this.withConnection(async (connection) => (await criVersion(connection))?.text ?? "containerd without CRI");
  }

  private async withConnection<Value>(
    use: (connection: GrpcConnection) => Promise<Value>,
    limit_bytes?: number,
  ): Promise<Value> {
    const connection = new GrpcConnection(this.socketPath, this.timeout_ms, limit_bytes);
    try {
      return await use(connection);
    } catch (error) {
      this.version = undefined;
      throw troubleOf(error as Error);
    } finally {
      connection.close();
    }
  }
}
