/** Runs frames through a decoder and keeps what comes out as plain data, for tests. */
import { formatAddress } from "../../src/core/address.ts";
import { Ledger } from "../../src/core/ledger.ts";
import { type Packet, RawPacket } from "../../src/core/packet.ts";
import { Decoder, type DecoderOptions } from "../../src/decode/decoder.ts";

export interface Decoded {
  readonly time: number;
  readonly protocol: number;
  /** `192.0.2.1:80 > 192.0.2.2:1234` */
  readonly path: string;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** Payload as latin-1 text. */
  readonly data: string;
  readonly payloadCut: number;
  readonly ipLength: number;
  readonly ipId: number;
  readonly vlan: number;
  readonly scope: string | null;
  readonly encapsulation: string | null;
  readonly direction: number;
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly linkType?: number;
  readonly time?: number;
  readonly wireLength?: number;
  readonly vlanTag?: number;
  readonly interfaceId?: number;
}

/** A decoder, its ledger, and what it has given out. */
export class DecoderRun {
  readonly ledger = new Ledger();
  readonly out: Decoded[] = [];
  readonly decoder: Decoder;
  private readonly raw = new RawPacket();

  constructor(options: DecoderOptions = {}) {
    this.decoder = new Decoder(this.ledger, { packet: (packet) => this.keep(packet) }, options);
  }

  /** Puts the frame in the middle of a larger buffer, so that reading outside of it shows. */
  push(frame: Frame): this {
    const { raw } = this;
    const buffer = new Uint8Array(frame.bytes.length + 64).fill(0xee);
    buffer.set(frame.bytes, 32);
    raw.time = frame.time ?? 1_000_000;
    raw.linkType = frame.linkType ?? 1;
    raw.bytes = buffer;
    raw.start = 32;
    raw.end = 32 + frame.bytes.length;
    raw.wireLength = frame.wireLength ?? frame.bytes.length;
    raw.vlanTag = frame.vlanTag ?? -1;
    raw.interfaceId = frame.interfaceId ?? 0;
    this.decoder.packet(raw);
    return this;
  }

  /** Codes of the anomalies counted so far. */
  get anomalies(): string[] {
    return [...this.ledger.anomalies.keys()];
  }

  private keep(packet: Packet): void {
    this.out.push(plain(packet, this.decoder));
  }
}

/** Decodes frames of one link type. */
export function decode(
  frames: readonly (Uint8Array | Frame)[],
  linkType = 1,
  options: DecoderOptions = {},
): DecoderRun {
  const run = new DecoderRun(options);
  for (const frame of frames)
    run.push(frame instanceof Uint8Array ? { bytes: frame, linkType } : { linkType, ...frame });
  return run;
}

function plain(p: Packet, decoder: Decoder): Decoded {
  const source = formatAddress(p.source0, p.source1, p.source2, p.source3);
  const destination = formatAddress(p.destination0, p.destination1, p.destination2, p.destination3);
  return {
    time: p.time,
    protocol: p.protocol,
    path: `${source}:${p.sourcePort} > ${destination}:${p.destinationPort}`,
    sequence: p.sequence,
    acknowledgment: p.acknowledgment,
    flags: p.flags,
    data: Buffer.from(p.bytes.subarray(p.payloadStart, p.payloadEnd)).toString("latin1"),
    payloadCut: p.payloadCut,
    ipLength: p.ipLength,
    ipId: p.ipId,
    vlan: p.vlan,
    scope: decoder.scopeName(p.scope),
    encapsulation: decoder.encapsulationName(p.encapsulation),
    direction: p.direction,
  };
}
