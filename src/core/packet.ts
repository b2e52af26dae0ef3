/**
 * What a source gives and what decoding makes of it. Both are *lent*: one object is filled again and again, so that a
 * packet costs no allocation; whoever wants to keep something copies it before returning.
 */
import type { Micros } from "./units.ts";

/** Which way a packet crossed the capturing interface, where the capture says so. */
export const UNKNOWN_DIRECTION = 0;
export const INCOMING = 1;
export const OUTGOING = 2;
export type Direction = 0 | 1 | 2;

/** An interface of a live capture or of a capture file; packets name it by its place in the source's list. */
export interface CaptureInterface {
  readonly id: number;
  /** e.g. `eth0`; null where the file does not tell. */
  readonly name: string | null;
  /** A LINKTYPE_ value of the pcap registry (1 = Ethernet). */
  readonly linkType: number;
  /** pcapng if_description; Tracee writes JSON about process and container here. */
  readonly description: string | null;
}

/** One packet as captured. Lent. */
export class RawPacket {
  time: Micros = 0.5;
  /** LINKTYPE_ value of the pcap registry. */
  linkType = 0;
  /** The packet is `bytes[start, end)`; end - start is the captured length. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Length on the wire; more than the captured length when the snap length cut the packet. */
  wireLength = 0;
  interfaceId = 0;
  direction: Direction = UNKNOWN_DIRECTION;
  /** VLAN tag control information that the kernel took out of the packet (live capture); -1 when none. */
  vlanTag = -1;
  /** pcapng packet comment (ptcpdump writes process and container here); null for nearly every packet. */
  comment: string | null = null;
}

/** Takes packets from a source, in the order of capture. */
export interface PacketHandler {
  /** Called before the first packet of an interface, and again for every interface met later. */
  interfaceOpened(info: CaptureInterface): void;
  packet(raw: RawPacket): void;
  /** TLS secrets found in a capture file (pcapng Decryption Secrets Block, SSLKEYLOGFILE text). */
  secrets?(keyLog: string): void;
}

/** TCP flag bits (RFC 9293 section 3.1). */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;

/** One TCP segment or UDP datagram. Lent. */
export class Packet {
  time: Micros = 0.5;
  interfaceId = 0;
  direction: Direction = UNKNOWN_DIRECTION;
  comment: string | null = null;
  /**
   * Number of the address space the packet belongs to (VLAN ids, VNIs, GRE keys), 0 for the plain one: part of a flow's
   * key. `Decoder.scopeName` has its text.
   */
  scope = 0;
  /**
   * Number of all encapsulation the packet came in, 0 for none. Not part of a flow's key: the two directions of one
   * flow may come in different wrappings. `Decoder.encapsulationName` has its text.
   */
  encapsulation = 0;
  /** Outermost VLAN id, -1 when none. */
  vlan = -1;
  /** 4 or 6. */
  family = 4;
  /** IANA protocol number: 6 TCP, 17 UDP. */
  protocol = 6;
  /**
   * Addresses as four big-endian 32-bit words each. IPv4 uses the last word and has 0, 0, 0xffff before it, which is
   * the v4-mapped form of RFC 4291 section 2.5.5.2, so that one key serves both families.
   */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** TCP sequence and acknowledgment numbers as signed 32-bit integers: compare by `(a - b) | 0`. */
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** The payload is `bytes[payloadStart, payloadEnd)`. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the TCP or UDP header starts in `bytes`; options and checksum can be read from there when wanted. */
  transportStart = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** Payload bytes that were on the wire and not captured (snap length): a hole behind payloadEnd. */
  payloadCut = 0;
  /** Of the innermost IP packet: IPv4 total length, or 40 + IPv6 payload length; for fragments the sum over them. Octets. */
  ipLength = 0;
  /** IPv4 identification, 0 for IPv6: tells a copy of a packet from a retransmission. */
  ipId = 0;
}

/** Takes decoded packets. */
export interface PacketListener {
  packet(packet: Packet): void;
}
