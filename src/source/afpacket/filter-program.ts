/**
 * The filter that the kernel runs for every packet before it is copied: keeps what can carry HTTP, drops the rest for
 * nearly nothing. It may let too much through (decode sorts that out), never too little: whatever earshot decodes passes.
 * Takes ports and limits, gives a classic BPF program.
 */
import { EXIT, Trouble } from "../../core/trouble.ts";
import {
  A_TO_X,
  ADD,
  ADD_X,
  AND,
  Assembler,
  FACT_HARDWARE_TYPE,
  FACT_INTERFACE,
  FACT_PACKET_TYPE,
  FACT_PROTOCOL,
  type Instruction,
  JUMP_ANY_BIT,
  JUMP_EQUAL,
  JUMP_GREATER,
  JUMP_GREATER_EQUAL,
  LOAD_BYTE_AT_X,
  LOAD_HALF,
  LOAD_HALF_AT_X,
  LOAD_MEMORY,
  LOAD_WORD,
  LOAD_WORD_AT_X,
  LOAD_X,
  MAX_INSTRUCTIONS,
  NETWORK_HEADER,
  NEXT,
  type Program,
  SHIFT_LEFT,
  STORE_MEMORY,
  sequence,
  X_TO_A,
} from "./bpf-assembler.ts";

/** First and last port, both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** An address as in Packet: four 32-bit words, IPv4 as 0, 0, 0xffff and the address. */
export type HostAddress = readonly [number, number, number, number];

export interface FilterOptions {
  /** TCP ports to keep, at either end; empty keeps all. Packets in tunnels and fragments pass whatever their port. */
  readonly ports?: readonly PortRange[];
  /** Hosts whose TCP to keep, whichever end they are; empty keeps all. Tunnels and fragments pass whatever they hold. */
  readonly hosts?: readonly HostAddress[];
  /** Keeps tunnels too (GRE, IP in IP, VXLAN, Geneve, GTP-U, Teredo, MPLS, PPPoE); true when absent. */
  readonly tunnels?: boolean;
  /** UDP ports to keep beside those of tunnels; none when absent. */
  readonly udpPorts?: readonly number[];
  /** Octets of a packet to keep. */
  readonly snapLength: number;
}

/** UDP ports of VXLAN (RFC 7348; 8472 is Linux's own), VXLAN-GPE, Geneve, GTP-U, Teredo, MPLS in UDP, TZSP. */
export const TUNNEL_UDP_PORTS = [4789, 8472, 4790, 6081, 2152, 3544, 6635, 37008];

/** IP protocols that carry packets: IP-in-IP, IPv6, GRE, AH, IP-in-IP (old), EtherIP, L2TPv3, MPLS. */
const TUNNEL_PROTOCOLS = [4, 41, 47, 51, 94, 97, 115, 137];
/** IPv6 extension headers: RFC 8200 section 4, AH, mobility, HIP, shim6. What follows them is for decode to find. */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60, 135, 139, 140];
/** VLAN, QinQ and its older numbers. */
const TAG_TYPES = [0x8100, 0x88a8, 0x9100, 0x9200, 0x8926];
/** MPLS, PPPoE session, provider backbone bridge. */
const CARRIER_TYPES = [0x8847, 0x8848, 0x8864, 0x88e7];
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const MAX_TAGS = 2;

/** ARPHRD_ values of interfaces whose packets begin with an Ethernet header. */
export const ETHERNET_TYPES = [1, 772];
const LOOPBACK = 772;
const PACKET_OUTGOING = 4;
const EVERYTHING = 0xffffffff;

/** Reads `80`, `8000-8100`, and lists of these with commas. Throws Trouble on anything else. */
export function parsePorts(text: string): PortRange[] {
  return text.split(",").map((part) => {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || from < 1 || to > 65_535 || from > to) {
      throw new Trouble(`"${part.trim()}" is not a port`, {
        exitCode: EXIT.usage,
        hint: "Give ports from 1 to 65535, with commas and ranges: 80,8080,9000-9010.",
      });
    }
    return { from, to };
  });
}

/** The default program for packets that begin with an Ethernet header. */
export function ethernetFilter(options: FilterOptions): Instruction[] {
  const code = new Assembler().add(LOAD_HALF, 12).add(LOAD_X, 14);
  for (let tag = 0; tag <= MAX_TAGS; tag++) {
    if (tag === MAX_TAGS) {
      for (const type of TAG_TYPES) code.when(JUMP_EQUAL, type, "accept");
      break;
    }
    for (const type of TAG_TYPES) code.when(JUMP_EQUAL, type, `tag-${tag}`);
    code.jump("type");
    // the type behind the tag goes through the scratch memory while X moves on by the tag's length
    code.label(`tag-${tag}`).add(LOAD_HALF_AT_X, 2).add(STORE_MEMORY, 0);
    code.add(X_TO_A).add(ADD, 4).add(A_TO_X).add(LOAD_MEMORY, 0);
  }
  code.label("type");
  networkRules(code, options);
  // IEEE 802.3 length instead of a type: LLC with SNAP may carry IP (RFC 1042)
  code.label("other-type").when(JUMP_GREATER_EQUAL, 0x600, "reject");
  code.add(LOAD_HALF_AT_X, 0).when(JUMP_EQUAL, 0xaaaa, "accept", "reject");
  return finish(code, options);
}

/** The default program for packets of interfaces without an Ethernet header: looks from the network header on. */
export function networkFilter(options: FilterOptions): Instruction[] {
  const code = new Assembler().add(LOAD_WORD, FACT_PROTOCOL).add(LOAD_X, NETWORK_HEADER);
  networkRules(code, options);
  code.label("other-type");
  for (const type of TAG_TYPES) code.when(JUMP_EQUAL, type, "accept");
  code.jump("reject");
  return finish(code, options);
}

/** A has the EtherType, X the place of what it announces. */
function networkRules(code: Assembler, options: FilterOptions): void {
  const tunnels = options.tunnels ?? true;
  code.when(JUMP_EQUAL, IPV4, "ipv4").when(JUMP_EQUAL, IPV6, "ipv6");
  if (tunnels) for (const type of CARRIER_TYPES) code.when(JUMP_EQUAL, type, "accept");
  code.jump("other-type");

  code.label("ipv6").add(LOAD_BYTE_AT_X, 6).add(STORE_MEMORY, 0);
  for (const header of EXTENSION_HEADERS) code.when(JUMP_EQUAL, header, "accept");
  if (options.hosts?.length) ipv6HostRules(code, options.hosts);
  code.label("behind-ipv6").add(X_TO_A).add(ADD, 40).add(A_TO_X).jump("transport");

  code.label("ipv4").add(LOAD_BYTE_AT_X, 9).add(STORE_MEMORY, 0);
  code.add(LOAD_HALF_AT_X, 6).when(JUMP_ANY_BIT, 0x3fff, "fragment");
  if (options.hosts?.length) ipv4HostRules(code, options.hosts);
  // X moves on by the header length, the low four bits of the first byte in words
  code
    .label("behind-ipv4")
    .add(LOAD_BYTE_AT_X, 0)
    .add(AND, 15)
    .add(SHIFT_LEFT, 2)
    .add(ADD_X)
    .add(A_TO_X)
    .jump("transport");

  // only the first fragment has ports: all pass
  code.label("fragment").add(LOAD_MEMORY, 0).when(JUMP_EQUAL, TCP, "accept");
  if (tunnels || options.udpPorts?.length) code.when(JUMP_EQUAL, UDP, "accept");
  code.jump("other-protocol");

  code.label("transport").add(LOAD_MEMORY, 0).when(JUMP_EQUAL, TCP, "tcp").when(JUMP_EQUAL, UDP, "udp");
  code.label("other-protocol");
  if (tunnels) for (const protocol of TUNNEL_PROTOCOLS) code.when(JUMP_EQUAL, protocol, "accept");
  code.jump("reject");

  code.label("udp");
  portRules(code, UDP, [...(tunnels ? TUNNEL_UDP_PORTS : []), ...(options.udpPorts ?? [])].map(single));
  code.jump("reject");

  code.label("tcp");
  if (options.ports?.length) {
    portRules(code, TCP, options.ports);
    code.jump("reject");
  } else code.jump("accept");
}

/** TCP is rejected when neither address, behind X, is one of these; other protocols go on. */
function ipv4HostRules(code: Assembler, hosts: readonly HostAddress[]): void {
  const narrow = hosts.filter(([first, second, third]) => first === 0 && second === 0 && third === 0xffff);
  code.add(LOAD_MEMORY, 0).when(JUMP_EQUAL, TCP, NEXT, "behind-ipv4");
  for (const place of [12, 16]) {
    code.add(LOAD_WORD_AT_X, place);
    for (const [, , , word] of narrow) code.when(JUMP_EQUAL, word >>> 0, "behind-ipv4");
  }
  code.jump("reject");
}

/** The same; an IPv4 address may be written as one of IPv6 here (::ffff:192.0.2.1), and is told as IPv4 then. */
function ipv6HostRules(code: Assembler, hosts: readonly HostAddress[]): void {
  code.add(LOAD_MEMORY, 0).when(JUMP_EQUAL, TCP, NEXT, "behind-ipv6");
  for (const place of [8, 24]) {
    hosts.forEach((words, index) => {
      const other = `other-${place}-${index}`;
      words.forEach((word, at) => {
        code.add(LOAD_WORD_AT_X, place + 4 * at).when(JUMP_EQUAL, word >>> 0, at === 3 ? "behind-ipv6" : NEXT, other);
      });
      code.label(other);
    });
  }
  code.jump("reject");
}

const single = (port: number): PortRange => ({ from: port, to: port });

/** Accepts when either port, at X, is in a range. */
function portRules(code: Assembler, protocol: number, ranges: readonly PortRange[]): void {
  for (const place of [0, 2]) {
    code.add(LOAD_HALF_AT_X, place);
    ranges.forEach(({ from, to }, index) => {
      if (from === to) code.when(JUMP_EQUAL, from, "accept");
      else {
        const outside = `outside-${protocol}-${place}-${index}`;
        code.when(JUMP_GREATER_EQUAL, from, NEXT, outside).when(JUMP_GREATER, to, outside, "accept").label(outside);
      }
    });
  }
}

function finish(code: Assembler, options: FilterOptions): Instruction[] {
  code.label("accept").give(options.snapLength).label("reject").give(0);
  return code.program();
}

/** Drops the outgoing copy that loopback shows beside the incoming one, so that each packet is seen once. */
export function loopbackOnce(): Instruction[] {
  return new Assembler()
    .add(LOAD_WORD, FACT_HARDWARE_TYPE)
    .when(JUMP_EQUAL, LOOPBACK, NEXT, "accept")
    .add(LOAD_WORD, FACT_PACKET_TYPE)
    .when(JUMP_EQUAL, PACKET_OUTGOING, "reject", "accept")
    .label("accept")
    .give(EVERYTHING)
    .label("reject")
    .give(0)
    .program();
}

/** Keeps packets of these interfaces (kernel indexes). */
export function onlyInterfaces(indexes: readonly number[]): Instruction[] {
  const code = new Assembler().add(LOAD_WORD, FACT_INTERFACE);
  for (const index of indexes) code.when(JUMP_EQUAL, index, "accept");
  return code.give(0).label("accept").give(EVERYTHING).program();
}

/** Takes one program for packets with an Ethernet header and one for the others. */
export function byHardware(ethernet: Program, others: Program): Instruction[] {
  const dispatch = new Assembler().add(LOAD_WORD, FACT_HARDWARE_TYPE);
  for (const type of ETHERNET_TYPES) dispatch.when(JUMP_EQUAL, type, "ethernet");
  const head = dispatch.jump("others").label("ethernet").label("others").program();
  // both labels stand at the end: the jump to the second program skips the first one
  const jump = head.pop()!;
  return [...head, { ...jump, k: ethernet.length }, ...ethernet, ...others];
}

/** Drops everything: for the moments before the capture begins and after it ended. */
export function nothing(): Instruction[] {
  return new Assembler().give(0).program();
}

/** Puts rules in a row and checks the kernel's limit. */
export function filterOf(...rules: readonly Program[]): Instruction[] {
  const program = sequence(...rules);
  if (program.length > MAX_INSTRUCTIONS) {
    throw new Trouble(`the filter has ${program.length} instructions; the kernel takes ${MAX_INSTRUCTIONS}`, {
      exitCode: EXIT.usage,
      hint: "Give fewer ports, or use ranges such as 8000-8999.",
    });
  }
  return program;
}
