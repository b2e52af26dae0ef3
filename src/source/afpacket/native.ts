/**
 * The C functions that live capture needs, called through koffi. Loaded on first use only: reading a file never pays for
 * it. Gives plain functions and errno by name; throws Trouble where koffi itself is not there.
 */
import { createRequire } from "node:module";
import { EXIT, Trouble } from "../../core/trouble.ts";

type Koffi = typeof import("koffi");

/** A watch on a descriptor by the event loop; `stop` and `close` as in libuv. */
export interface PollHandle {
  start(events: { readable: boolean }, callback: (status: number) => void): void;
  stop(): void;
  close(): void;
  ref(): void;
  unref(): void;
}

export interface Native {
  readonly koffiVersion: string;
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: Uint32Array, length: Uint32Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  close(fd: number): number;
  /** Gives the address as a number, -1 on failure. */
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number | bigint;
  munmap(address: number | bigint, length: number): number;
  /** 0 when there is no such interface. */
  if_nametoindex(name: string): number;
  /** null when there is no such index. `name` has room for 16 octets. */
  if_indextoname(index: number, name: Uint8Array): unknown;
  syscall(number: number, first: number, second: Uint8Array, third: number): number;
  /** Memory that C owns, as bytes. Must be detached before the memory goes away. */
  view(address: number | bigint, length: number): ArrayBuffer;
  addressOf(bytes: Uint8Array): bigint;
  poll(fd: number, events: { readable: boolean }, callback: (status: number) => void): PollHandle;
  /** Name of the error of the last call: `EPERM`, or its number as text. */
  errno(): string;
  /** Opens a shared library; throws when it is not installed. */
  load(library: string): ReturnType<Koffi["load"]>;
}

let loaded: Native | null = null;

/** The functions, loaded on the first call. Throws Trouble when koffi or the C library cannot be loaded. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new Trouble(`live capture needs koffi, which cannot be loaded on ${process.platform}-${process.arch}`, {
      exitCode: EXIT.unsupported,
      hint: "Install again without --omit=optional, which leaves out koffi's binary.",
      cause,
    });
  }
  // null: the symbols of this process, so that no name of a C library is needed (glibc and musl alike)
  const libc = koffi.load(null);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  return {
    koffiVersion: (koffi as unknown as { version: string }).version,
    socket: libc.func("int socket(int, int, int)"),
    setsockopt: libc.func("int setsockopt(int, int, int, void*, uint)"),
    getsockopt: libc.func("int getsockopt(int, int, int, void*, void*)"),
    bind: libc.func("int bind(int, void*, uint)"),
    close: libc.func("int close(int)"),
    mmap: libc.func("intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)"),
    munmap: libc.func("int munmap(intptr_t, size_t)"),
    if_nametoindex: libc.func("uint if_nametoindex(str)"),
    if_indextoname: libc.func("void* if_indextoname(uint, void*)"),
    syscall: libc.func("long syscall(long, long, void*, long)"),
    view: (address, length) => koffi.view(BigInt(address), length),
    addressOf: (bytes) => koffi.address(bytes),
    poll: (fd, events, callback) =>
      // koffi's types lag behind: the callback gets libuv's status, then the events
      (koffi.node.poll as unknown as (...given: unknown[]) => PollHandle)(fd, events, callback),
    errno: () => names.get(koffi.errno()) ?? String(koffi.errno()),
    load: (library) => koffi.load(library),
  };
}
