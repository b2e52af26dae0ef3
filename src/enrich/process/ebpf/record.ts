/** The records of owner.bpf.c, by offset in octets; read in place. All start with time, cookie and kind. */
import { endianness } from "node:os";
import { SocketTuple } from "../socket-tuple.ts";

export const KIND_OWNER = 1;
export const KIND_CLOSE = 2;
export const KIND_PROCESS = 3;
export const KIND_TURN = 4;

export const ROLE_CLIENT = 1;

export const SOCKET_RECORD_LENGTH = 136;
const AF_INET = 2;
const LITTLE = endianness() === "LE";

export const kindOf = (view: DataView, at: number) => view.getUint8(at + 16);
export const roleOf = (view: DataView, at: number) => view.getUint8(at + 17);
/** Nanoseconds of CLOCK_MONOTONIC. */
export const timeOf = (view: DataView, at: number) => wide(view, at);
/** Name of a socket for its life; small counted numbers, exact in a double. */
export const cookieOf = (view: DataView, at: number) => wide(view, at + 8);
export const turnReadOf = (view: DataView, at: number) => wide(view, at + 24);
export const netOf = (view: DataView, at: number) => view.getUint32(at + 56, LITTLE);
export const socketProcessAt = (at: number) => at + 64;
export const processRecordAt = (at: number) => at + 24;

/** A 64-bit number, exact below 2^53. */
function wide(view: DataView, at: number): number {
  return view.getUint32(at + (LITTLE ? 4 : 0), LITTLE) * 2 ** 32 + view.getUint32(at + (LITTLE ? 0 : 4), LITTLE);
}

const tuple = new SocketTuple();

/** Tuple of a socket record. Lent. */
export function tupleOf(view: DataView, at: number): SocketTuple {
  const narrow = view.getUint8(at + 18) === AF_INET;
  tuple.localPort = view.getUint16(at + 20, LITTLE);
  tuple.remotePort = view.getUint16(at + 22, LITTLE);
  if (narrow) {
    tuple.local0 = tuple.local1 = tuple.remote0 = tuple.remote1 = 0;
    tuple.local2 = tuple.remote2 = 0xffff;
    tuple.local3 = view.getInt32(at + 24);
    tuple.remote3 = view.getInt32(at + 40);
  } else {
    tuple.local0 = view.getInt32(at + 24);
    tuple.local1 = view.getInt32(at + 28);
    tuple.local2 = view.getInt32(at + 32);
    tuple.local3 = view.getInt32(at + 36);
    tuple.remote0 = view.getInt32(at + 40);
    tuple.remote1 = view.getInt32(at + 44);
    tuple.remote2 = view.getInt32(at + 48);
    tuple.remote3 = view.getInt32(at + 52);
  }
  return tuple;
}

/** struct process at `at`. */
export const processStart = (view: DataView, at: number) => wide(view, at);
export const processGeneration = (view: DataView, at: number) => wide(view, at + 8);
export const processPid = (view: DataView, at: number) => view.getUint32(at + 24, LITTLE);
export const processTid = (view: DataView, at: number) => view.getUint32(at + 28, LITTLE);

export interface KernelProcess {
  readonly cgroupId: bigint;
  readonly ppid: number;
  readonly uid: number;
  readonly gid: number;
  readonly net: number;
  readonly mnt: number;
  readonly pidNamespace: number;
  readonly comm: string;
}

export function readProcess(view: DataView, at: number, bytes: Uint8Array): KernelProcess {
  return {
    cgroupId: view.getBigUint64(at + 16, LITTLE),
    ppid: view.getUint32(at + 32, LITTLE),
    uid: view.getUint32(at + 36, LITTLE),
    gid: view.getUint32(at + 40, LITTLE),
    net: view.getUint32(at + 44, LITTLE),
    mnt: view.getUint32(at + 48, LITTLE),
    pidNamespace: view.getUint32(at + 52, LITTLE),
    comm: textOf(bytes, view, at + 56, 16),
  };
}

/** Command line of a process record, with NUL behind every argument; null when it could not be read. */
export function readArguments(view: DataView, at: number, bytes: Uint8Array): string | null {
  const length = view.getUint32(at + 20, LITTLE);
  if (length === 0 || length > 512) return null;
  const start = at + 96 + view.byteOffset - bytes.byteOffset;
  return Buffer.from(bytes.subarray(start, start + length)).toString("utf8");
}

const PATH_AT = 96 + 512;
const PARTS = 14;
const PART = 64;

/** Path of the executable of a process record; null when it could not be told. */
export function readExecutable(view: DataView, at: number, bytes: Uint8Array): string | null {
  const parts = view.getUint32(at + PATH_AT, LITTLE);
  if (parts === 0 || parts > PARTS) return null;
  let path = "";
  for (let part = 0; part < parts; part++) {
    const name = textOf(bytes, view, at + PATH_AT + 8 + part * PART, PART);
    if (name !== "") path = `/${name}${path}`;
  }
  return path === "" ? null : path;
}

function textOf(bytes: Uint8Array, view: DataView, at: number, length: number): string {
  const start = at + view.byteOffset - bytes.byteOffset;
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return Buffer.from(bytes.subarray(start, end)).toString("utf8");
}
