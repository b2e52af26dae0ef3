/**
 * How a client of Fluent's Forward Protocol shows that it knows the shared key, and a user's password: the server says
 * HELO with a nonce, the client answers PING with digests, the server PONG with its own. Bytes in, bytes out; the socket
 * is the caller's.
 */
import { createHash, randomBytes } from "node:crypto";
import { decode, encode } from "@msgpack/msgpack";

export interface ForwardCredentials {
  readonly shared_key: string;
  /** Empty strings where the receiver asks for no user. */
  readonly username: string;
  readonly password: string;
}

/** A handshake's messages have some hundred octets; what is longer comes from no Fluent. */
const LONGEST_MESSAGE_BYTES = 16_384;

function sha512(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

const bytesOf = (value: unknown) => (value instanceof Uint8Array ? value : Buffer.from(String(value ?? "")));

export class ForwardHandshake {
  /** True when the server let us in, and showed that it knows the key too. */
  done = false;
  private readonly credentials: ForwardCredentials;
  private readonly hostname: string;
  private readonly salt: Uint8Array;
  private nonce: Uint8Array | null = null;
  private received: Uint8Array = new Uint8Array(0);

  constructor(credentials: ForwardCredentials, hostname: string, salt: Uint8Array = randomBytes(16)) {
    this.credentials = credentials;
    this.hostname = hostname;
    this.salt = salt;
  }

  /** Takes bytes of the server; gives what to send, null for nothing yet. Throws when the server refuses. */
  receive(bytes: Uint8Array): Uint8Array | null {
    this.received = Buffer.concat([this.received, bytes]);
    if (this.received.length > LONGEST_MESSAGE_BYTES) throw new Error("the receiver does not speak Fluent forward");
    const message = this.decoded();
    if (message === null) return null;
    this.received = new Uint8Array(0);
    if (!Array.isArray(message)) throw new Error("the receiver does not speak Fluent forward");
    return this.nonce === null ? this.ping(message) : this.pong(message, this.nonce);
  }

  private decoded(): unknown {
    try {
      return decode(this.received);
    } catch (error) {
      // an incomplete message reads beyond its end; anything else is no MessagePack
      if (error instanceof RangeError) return null;
      throw new Error("the receiver does not speak Fluent forward", { cause: error });
    }
  }

  private ping([type, options]: unknown[]): Uint8Array {
    if (type !== "HELO" || typeof options !== "object" || options === null) {
      throw new Error("the receiver does not ask who we are: leave shared_key and user out");
    }
    const { nonce, auth } = options as { nonce?: unknown; auth?: unknown };
    this.nonce = bytesOf(nonce);
    const { shared_key, username, password } = this.credentials;
    const asked = bytesOf(auth);
    const digest = sha512(this.salt, this.hostname, this.nonce, shared_key);
    const user = asked.length === 0 ? ["", ""] : [username, sha512(asked, username, password)];
    return encode(["PING", this.hostname, this.salt, digest, ...user]);
  }

  private pong([type, accepted, reason, server, digest]: unknown[], nonce: Uint8Array): null {
    if (type !== "PONG") throw new Error("the receiver does not speak Fluent forward");
    if (accepted !== true) throw new Error(`the receiver refused: ${String(reason)}`);
    if (digest !== sha512(this.salt, String(server), nonce, this.credentials.shared_key)) {
      throw new Error("the receiver does not know the shared key");
    }
    this.done = true;
    return null;
  }
}
