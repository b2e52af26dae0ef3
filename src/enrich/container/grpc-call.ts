/**
 * Unary gRPC calls over a unix socket, with Node's own http2 (gRPC over HTTP/2: POST, a frame of five octets and the
 * message, status in the trailers). For answers of a few kilobytes from a runtime that may be broken or hostile: one
 * deadline for all calls of a connection, one message per answer, of bounded size, and nothing keeps the program alive.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";
import { textOf } from "./runtime-answer.ts";
import { MAX_ANSWER_BYTES, SourceTrouble, TIMEOUT_MS, troubleOf } from "./source-trouble.ts";

/** Statuses that mean something to a caller (grpc/status). */
export const GRPC = { notFound: 5, unimplemented: 12 } as const;

const FRAME_HEAD_BYTES = 5;

/** The server answered, and says no. */
export class GrpcError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message === "" ? `gRPC status ${status}` : `gRPC status ${status}: ${message}`);
    this.status = status;
  }
}

export class GrpcConnection {
  private readonly session: ClientHttp2Session;
  private readonly socket: Socket;
  private readonly maxAnswer_bytes: number;
  private readonly timer: NodeJS.Timeout;
  /** What ended the connection, for calls that come later. */
  private ended: SourceTrouble | null = null;
  private readonly open = new Set<(why: SourceTrouble) => void>();

  constructor(socketPath: string, timeout_ms = TIMEOUT_MS, maxAnswer_bytes = MAX_ANSWER_BYTES) {
    this.maxAnswer_bytes = maxAnswer_bytes;
    const socket = connectSocket(socketPath);
    this.socket = socket;
    this.session = connect("http://localhost", {
      createConnection: () => socket,
      settings: { enablePush: false, maxHeaderListSize: 16_384 },
      maxSessionMemory: 2,
      maxHeaderListPairs: 64,
      maxSettings: 32,
      maxOutstandingPings: 2,
      maxReservedRemoteStreams: 0,
    });
    socket.unref();
    socket.on("error", (error: NodeJS.ErrnoException) => this.end(troubleOf(error)));
    this.session.on("error", (error: NodeJS.ErrnoException) => this.end(troubleOf(error)));
    this.session.on("goaway", () => this.end(new SourceTrouble("it hung up")));
    this.session.on("close", () => this.end(new SourceTrouble("it hung up")));
    const late = () => this.end(new SourceTrouble(`no answer within ${timeout_ms / 1000} s`));
    this.timer = setTimeout(late, timeout_ms).unref();
  }

  /**
   * `method` is `/package.Service/Method`. Rejects with a GrpcError when the server says no, with a SourceTrouble when
   * it does not answer, or with what is no answer.
   */
  call(method: string, message: Uint8Array, metadata: Readonly<Record<string, string>> = {}): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.open.add(reject);
      const done =
        <Value>(settle: (value: Value) => void) =>
        (value: Value) => {
          this.open.delete(reject);
          settle(value);
        };
      try {
        const stream = this.session.request({
          ":method": "POST",
          ":path": method,
          "content-type": "application/grpc",
          te: "trailers",
          "user-agent": "earshot",
          ...metadata,
        });
        readAnswer(stream, this.maxAnswer_bytes, done(resolve), done(reject));
        stream.end(frame(message));
      } catch (error) {
        done(reject)(troubleOf(error as NodeJS.ErrnoException));
      }
    });
  }

  close(): void {
    this.end(new SourceTrouble("closed"));
  }

  private end(why: SourceTrouble): void {
    if (this.ended) return;
    this.ended = why;
    clearTimeout(this.timer);
    for (const reject of this.open) reject(why);
    this.open.clear();
    this.session.destroy();
    this.socket.destroy();
  }
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function readAnswer(
  stream: ClientHttp2Stream,
  limit_bytes: number,
  resolve: (message: Uint8Array) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let status: IncomingHttpHeaders | null = null;
  let begun = false;
  const refuse = (why: string) => {
    reject(new SourceTrouble(why));
    stream.close(constants.NGHTTP2_CANCEL);
  };
  stream.on("response", (headers) => {
    begun = true;
    if (headers[":status"] !== 200) return refuse(`not gRPC: HTTP status ${headers[":status"]}`);
    if (!/^application\/grpc(?:[+;]|$)/.test(headers["content-type"] ?? "")) return refuse("not gRPC");
    if (headers["grpc-status"] !== undefined) status = headers;
  });
  stream.on("trailers", (headers) => {
    status = headers;
  });
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit_bytes + FRAME_HEAD_BYTES) return refuse(`an answer of more than ${limit_bytes} bytes`);
    chunks.push(chunk);
  });
  stream.on("error", (error: NodeJS.ErrnoException) => reject(troubleOf(error)));
  stream.on("close", () => {
    const body = Buffer.concat(chunks);
    const code = status === null ? null : statusOf(status);
    if (code === null) reject(new SourceTrouble(begun ? "an answer without an end" : "it hung up"));
    else if (code instanceof GrpcError) reject(code);
    else if (body.length < FRAME_HEAD_BYTES || body[0] !== 0) reject(new SourceTrouble("not a plain gRPC answer"));
    else if (body.readUInt32BE(1) !== body.length - FRAME_HEAD_BYTES) reject(new SourceTrouble("a broken gRPC answer"));
    else resolve(body.subarray(FRAME_HEAD_BYTES));
  });
}

/** 0 when all is well; null for what is no status. */
function statusOf(headers: IncomingHttpHeaders): 0 | GrpcError | null {
  const text = String(headers["grpc-status"] ?? "");
  if (!/^\d{1,3}$/.test(text)) return null;
  return text === "0" ? 0 : new GrpcError(Number(text), percentDecoded(String(headers["grpc-message"] ?? "")));
}

function percentDecoded(text: string): string {
  const short = text.slice(0, 300);
  try {
    return textOf(decodeURIComponent(short)) ?? "";
  } catch {
    return textOf(short) ?? "";
  }
}
