/**
 * Sends records to Fluentd or Fluent Bit (Forward Protocol v1): one MessagePack array `[tag, time, {"event": record}]`
 * each, as Tracee does, over one TCP connection that is made again when it breaks. Message mode, without
 * acknowledgement: what was in the socket's buffer when the receiver died is lost and not counted.
 */
import type { Socket } from "node:net";
import { hostname } from "node:os";
import { net } from "../../core/on-demand.ts";
import type { ForwardHandshake } from "./forward-handshake.ts";
import type { Sender } from "./queued-sender.ts";
import type { ForwardSpec } from "./spec.ts";

const BATCH = 100;

export class ForwardSender implements Sender {
  readonly batch = BATCH;
  readonly parallel = 1;
  private readonly spec: ForwardSpec;
  private encoder: { encode(value: unknown): Uint8Array } | null = null;
  private readonly now: () => number;
  private socket: Socket | null = null;

  /** `now` gives seconds since the epoch: when the record was forwarded, as in Tracee; the event has its own time. */
  constructor(spec: ForwardSpec, now: () => number = () => Math.floor(Date.now() / 1000)) {
    this.spec = spec;
    this.now = now;
  }

  async send(records: readonly string[], signal: AbortSignal): Promise<void> {
    const socket = this.socket ?? (await this.connect(signal));
    const time = this.now();
    // loaded by the first record: nearly no run forwards
    this.encoder ??= new (await import("@msgpack/msgpack")).Encoder();
    const encoder = this.encoder;
    const chunk = Buffer.concat(records.map((record) => encoder.encode([this.spec.tag, time, { event: record }])));
    await this.write(socket, chunk, signal);
  }

  close(): Promise<void> {
    const socket = this.socket;
    this.socket = null;
    return socket === null ? Promise.resolve() : new Promise((resolve) => socket.end(() => resolve()));
  }

  private async connect(signal: AbortSignal): Promise<Socket> {
    const { ForwardHandshake } = await import("./forward-handshake.ts");
    const { host, port, timeout_ms, credentials } = this.spec;
    return this.guarded(net().connect({ host, port, noDelay: true }), signal, timeout_ms, (socket, done, fail) => {
      const ready = () => {
        this.socket = socket;
        // a receiver that closes is noticed at once, and the next record connects again
        socket.on("close", () => {
          if (this.socket === socket) this.socket = null;
        });
        socket.on("error", () => {});
        socket.resume();
        done(socket);
      };
      if (credentials === null) socket.once("connect", ready);
      else greet(socket, new ForwardHandshake(credentials, hostname()), ready, fail);
    });
  }

  private write(socket: Socket, chunk: Uint8Array, signal: AbortSignal): Promise<Socket> {
    return this.guarded(socket, signal, this.spec.timeout_ms, (_, done, fail) => {
      socket.write(chunk, (error) => (error ? fail(error) : done(socket)));
    });
  }

  /** One step on a socket, which is destroyed when the step fails, takes too long or is called off. */
  private guarded(
    socket: Socket,
    signal: AbortSignal,
    timeout_ms: number,
    step: (socket: Socket, done: (socket: Socket) => void, fail: (error: Error) => void) => void,
  ): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        socket.removeListener("error", fail);
        socket.removeListener("close", closed);
      };
      const fail = (error: Error) => {
        settle();
        // destroying may report once more
        socket.on("error", () => {});
        socket.destroy();
        reject(error);
      };
      const closed = () => fail(new Error("the receiver closed the connection"));
      const abort = () => fail(new Error("closing"));
      const timer = setTimeout(() => fail(new Error(`no progress for ${timeout_ms} ms`)), timeout_ms);
      signal.addEventListener("abort", abort);
      socket.on("error", fail);
      socket.on("close", closed);
      const done = (value: Socket) => {
        settle();
        resolve(value);
      };
      step(socket, done, fail);
    });
  }
}

function greet(socket: Socket, handshake: ForwardHandshake, done: () => void, fail: (error: Error) => void): void {
  const receive = (bytes: Uint8Array) => {
    try {
      const answer = handshake.receive(bytes);
      if (answer !== null) socket.write(answer);
      if (!handshake.done) return;
      socket.removeListener("data", receive);
      done();
    } catch (error) {
      fail(error as Error);
    }
  };
  socket.on("data", receive);
}
