/**
 * Compiles a tcpdump expression with libpcap, when that is installed, into a program for our own socket. libpcap is
 * only the compiler: it captures nothing. Takes the expression, gives a classic BPF program or throws Trouble.
 */
import { EXIT, Trouble } from "../../core/trouble.ts";
import {
  Assembler,
  type Instruction,
  LOAD_BYTE,
  LOAD_BYTE_AT_X,
  LOAD_HALF,
  LOAD_HALF_AT_X,
  LOAD_WORD,
  LOAD_WORD_AT_X,
  LOAD_X_HEADER_LENGTH,
  NETWORK_HEADER,
  type Program,
} from "./bpf-assembler.ts";
import { byHardware } from "./filter-program.ts";
import { native } from "./native.ts";

/** Debian's name, everybody else's, and the one of development packages. */
const LIBRARIES = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];
/** DLT_ values: libpcap's own numbers, not those of the file format. */
const DLT_ETHERNET = 1;
const DLT_RAW = 12;
const ANY_NETMASK = 0xffffffff;
const ERROR_LENGTH = 256;

type Pointer = unknown;

interface Libpcap {
  openDead(linkType: number, snapLength: number): Pointer;
  create(device: string, error: Uint8Array): Pointer;
  setSnapLength(handle: Pointer, octets: number): number;
  activate(handle: Pointer): number;
  compile(handle: Pointer, program: Uint8Array, expression: string, optimize: number, netmask: number): number;
  error(handle: Pointer): string;
  freeCode(program: Uint8Array): void;
  close(handle: Pointer): void;
  version(): string;
}

let opened: Libpcap | null | undefined;

function libpcap(): Libpcap | null {
  if (opened !== undefined) return opened;
  opened = null;
  for (const name of LIBRARIES) {
    try {
      const library = native().load(name);
      opened = {
        openDead: library.func("void* pcap_open_dead(int, int)"),
        create: library.func("void* pcap_create(str, void*)"),
        setSnapLength: library.func("int pcap_set_snaplen(void*, int)"),
        activate: library.func("int pcap_activate(void*)"),
        compile: library.func("int pcap_compile(void*, void*, str, int, uint32)"),
        error: library.func("str pcap_geterr(void*)"),
        freeCode: library.func("void pcap_freecode(void*)"),
        close: library.func("void pcap_close(void*)"),
        version: library.func("str pcap_lib_version()"),
      };
      break;
    } catch {
      // not under this name
    }
  }
  return opened;
}

/** e.g. `libpcap version 1.10.3 (with TPACKET_V3)`; null when libpcap is not installed. */
export function libpcapVersion(): string | null {
  return libpcap()?.version() ?? null;
}

/**
 * Compiles `expression` for sockets that see packets with an Ethernet header and without one. `device` is any interface
 * with an Ethernet header: expressions with `vlan` ask the kernel for the tag, which libpcap does only for a live one.
 */
export function compileExpression(expression: string, snapLength: number, device: string): Instruction[] {
  const library = libpcap();
  if (library === null) {
    throw new Trouble("--bpf needs libpcap, which is not installed", {
      exitCode: EXIT.unsupported,
      hint: "Install it (Debian, Ubuntu: apt-get install libpcap0.8), or use --port instead.",
    });
  }
  const usesTag = /\bvlan\b/.test(expression);
  const ethernet = compile(library, expression, snapLength, DLT_ETHERNET, usesTag ? device : null);
  if (ethernet instanceof Error) {
    throw new Trouble(`--bpf "${expression}": ${ethernet.message}`, {
      exitCode: EXIT.usage,
      hint: "The language is described in pcap-filter(7).",
    });
  }
  // what names Ethernet addresses or tags has no meaning on other links: nothing passes there
  const others = compile(library, expression, snapLength, DLT_RAW, null);
  return byHardware(ethernet, others instanceof Error ? new Assembler().give(0).program() : fromNetworkHeader(others));
}

/** Gives libpcap's own message as an Error when the expression is wrong. */
function compile(
  library: Libpcap,
  expression: string,
  snapLength: number,
  linkType: number,
  device: string | null,
): Instruction[] | Error {
  const handle = openHandle(library, linkType, snapLength, device);
  try {
    // struct bpf_program: count, padding, pointer to the instructions
    const compiled = new Uint8Array(16);
    if (library.compile(handle, compiled, expression, 1, ANY_NETMASK) < 0) {
      return new Error(library.error(handle).replaceAll(/\s+/g, " ").trim());
    }
    try {
      return readProgram(compiled);
    } finally {
      library.freeCode(compiled);
    }
  } finally {
    library.close(handle);
  }
}

function openHandle(library: Libpcap, linkType: number, snapLength: number, device: string | null): Pointer {
  if (device !== null) {
    const handle = library.create(device, new Uint8Array(ERROR_LENGTH));
    if (handle) {
      library.setSnapLength(handle, snapLength);
      if (library.activate(handle) >= 0) return handle;
      library.close(handle);
    }
  }
  return library.openDead(linkType, snapLength);
}

function readProgram(compiled: Uint8Array): Instruction[] {
  const head = new DataView(compiled.buffer);
  const length = head.getUint32(0, true);
  // copied: the memory goes back to libpcap right after
  const code = new DataView(
    native()
      .view(head.getBigUint64(8, true), length * 8)
      .slice(0),
  );
  return Array.from({ length }, (_, index) => ({
    code: code.getUint16(index * 8, true),
    jt: code.getUint8(index * 8 + 2),
    jf: code.getUint8(index * 8 + 3),
    k: code.getUint32(index * 8 + 4, true),
  }));
}

const PACKET_LOADS = new Set([
  LOAD_WORD,
  LOAD_HALF,
  LOAD_BYTE,
  LOAD_WORD_AT_X,
  LOAD_HALF_AT_X,
  LOAD_BYTE_AT_X,
  LOAD_X_HEADER_LENGTH,
]);

/** A program for packets that begin with the IP header, made to count from there wherever that is. */
function fromNetworkHeader(program: Program): Instruction[] {
  return program.map((instruction) =>
    PACKET_LOADS.has(instruction.code) && instruction.k < NETWORK_HEADER
      ? { ...instruction, k: instruction.k + NETWORK_HEADER }
      : instruction,
  );
}
