/**
 * Makes a whole TCP connection as raw packets with times: handshake, data in both directions cut at the MSS,
 * acknowledgments, FIN or RST. Everything is deterministic.
 *
 *     const talk = new Conversation().open().client("GET / HTTP/1.1\r\nHost: a\r\n\r\n").wait(5000).server(answer).close();
 *     pcapFile(talk.packets)
 */
import { ACK, FIN, PSH, RST, SYN } from "../../src/core/packet.ts";
import type { Micros } from "../../src/core/units.ts";
import type { BuiltPacket } from "./capture-builder.ts";
import { bytesOf, ethernet, ipPacket, tcp } from "./packet-builder.ts";

export interface ConversationOptions {
  readonly client?: { readonly ip: string; readonly port: number };
  readonly server?: { readonly ip: string; readonly port: number };
  /** Time of the first packet. */
  readonly start?: Micros;
  /** Between a packet and the next. */
  readonly step?: Micros;
  /** Most payload bytes of a packet. */
  readonly maximumSegment_bytes?: number;
  readonly clientSequence?: number;
  readonly serverSequence?: number;
  /** A pure ACK from the other side after each `client()` or `server()`; true when absent. */
  readonly acknowledge?: boolean;
  readonly vlans?: readonly number[];
  readonly interfaceId?: number;
}

type Side = "client" | "server";
const otherSide = (side: Side): Side => (side === "client" ? "server" : "client");

export class Conversation {
  readonly packets: BuiltPacket[] = [];
  /** Time of the next packet. */
  time: Micros;
  /** Next sequence number of each side. */
  readonly sequence: { client: number; server: number };
  private readonly options: ConversationOptions;
  private readonly ends: Record<Side, { readonly ip: string; readonly port: number }>;
  private nextIpId = 1;

  constructor(options: ConversationOptions = {}) {
    this.options = options;
    this.ends = {
      client: options.client ?? { ip: "192.0.2.1", port: 40000 },
      server: options.server ?? { ip: "198.51.100.2", port: 80 },
    };
    this.time = options.start ?? 1_700_000_000_000_000;
    this.sequence = { client: options.clientSequence ?? 1000, server: options.serverSequence ?? 5000 };
  }

  /** SYN, SYN-ACK, ACK. */
  open(): this {
    this.packet("client", SYN);
    this.packet("server", SYN | ACK);
    this.packet("client", ACK);
    return this;
  }

  /** Data from the client, cut at the MSS. */
  client(data: string | Uint8Array): this {
    return this.send("client", data);
  }

  server(data: string | Uint8Array): this {
    return this.send("server", data);
  }

  wait(time: Micros): this {
    this.time += time;
    return this;
  }

  /** FIN of `first`, FIN of the other side, last ACK. */
  close(first: Side = "client"): this {
    this.packet(first, FIN | ACK);
    this.packet(otherSide(first), FIN | ACK);
    this.packet(first, ACK);
    return this;
  }

  reset(from: Side = "client"): this {
    this.packet(from, RST | ACK);
    return this;
  }

  /** Moves a side's sequence number on without a packet: bytes that the capture missed. */
  lose(side: Side, count: number): this {
    this.sequence[side] = (this.sequence[side] + count) >>> 0;
    return this;
  }

  /** One packet with these flags and data; moves time and sequence numbers on. */
  packet(from: Side, flags: number, data: string | Uint8Array = ""): this {
    const to = otherSide(from);
    const payload = bytesOf(data);
    const ends = {
      source: this.ends[from].ip,
      destination: this.ends[to].ip,
      id: this.nextIpId++ & 0xffff,
    };
    const segment = tcp(
      {
        ...ends,
        sourcePort: this.ends[from].port,
        destinationPort: this.ends[to].port,
        sequence: this.sequence[from],
        acknowledgment: flags & ACK ? this.sequence[to] : 0,
        flags,
      },
      payload,
    );
    this.packets.push({
      time: this.time,
      bytes: ethernet({ vlans: this.options.vlans }, ipPacket(ends, segment)),
      interfaceId: this.options.interfaceId,
    });
    this.sequence[from] = (this.sequence[from] + payload.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
    this.time += this.options.step ?? 100;
    return this;
  }

  private send(from: Side, data: string | Uint8Array): this {
    const payload = bytesOf(data);
    const size = this.options.maximumSegment_bytes ?? 1460;
    for (let at = 0; at < payload.length; at += size) {
      const part = payload.subarray(at, at + size);
      this.packet(from, at + size >= payload.length ? PSH | ACK : ACK, part);
    }
    if (this.options.acknowledge ?? true) this.packet(otherSide(from), ACK);
    return this;
  }
}

/** Packets of several conversations in order of time. */
export function interleave(...conversations: readonly Conversation[]): BuiltPacket[] {
  return conversations.flatMap(({ packets }) => packets).sort((a, b) => a.time - b.time);
}
