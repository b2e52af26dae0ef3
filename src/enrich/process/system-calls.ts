/**
 * The few system calls that attribution needs and Node does not offer, through koffi (FFI, prebuilt). Loaded on first
 * use, so that reading a capture file never touches it. Gives null where koffi has no binary for this machine.
 */
import { createRequire } from "node:module";

export interface SystemCalls {
  /** Raw syscall(2) for bpf(2) and perf_event_open(2); returns -1 on failure, see `errno`. */
  raw(number: number, first: number, pointer: Uint8Array | null, third: number, fourth: number, fifth: number): number;
  /** The same for calls whose first argument is a structure. */
  rawPointer(number: number, pointer: Uint8Array, second: number, third: number, fourth: number, fifth: number): number;
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  receive(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  read(fd: number, bytes: Uint8Array, length: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  ioctlBytes(fd: number, request: number, argument: Uint8Array): number;
  /** Does `work` with all signals to this thread held back until it is done. */
  withoutSignals(work: () => void): void;
  /** Fills struct timespec. */
  clockGetTime(clock: number, into: Uint8Array): number;
  /** Maps `length` bytes of a file descriptor, shared; throws when the kernel refuses. */
  map(fd: number, length: number, offset: number, writable: boolean): Mapping;
  /** Address of a buffer, to put inside a structure. The caller keeps the buffer alive. */
  address(bytes: Uint8Array): bigint;
  errno(): number;
}

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Call once. */
  unmap(): void;
}

/** Linux error numbers that are told apart. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EAGAIN: 11,
  EACCES: 13,
  EINVAL: 22,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  ENOTSUPP: 524,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  7: "E2BIG",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  22: "EINVAL",
  38: "ENOSYS",
  95: "EOPNOTSUPP",
  524: "ENOTSUPP",
};

export function errorName(errno: number): string {
  return NAMES[errno] ?? `error ${errno}`;
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
/** sigset_t of glibc and musl. */
const SIGNAL_SET_BYTES = 128;

let loaded: SystemCalls | null | undefined;

export function systemCalls(): SystemCalls | null {
  if (loaded === undefined) loaded = process.platform === "linux" ? load() : null;
  return loaded;
}

function load(): SystemCalls | null {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const libc = koffi.load(null); // the C library that Node itself uses, glibc or musl
    const mmap = libc.func("void *mmap(void *a, size_t len, int prot, int flags, int fd, int64 off)");
    const munmap = libc.func("int munmap(void *a, size_t len)");
    const signalMask = libc.func("int pthread_sigmask(int how, const void *set, _Out_ void *before)");
    return {
      raw: libc.func("long syscall(long nr, long a, const void *b, long c, long d, long e)"),
      rawPointer: libc.func("syscall", "long", ["long", "void *", "long", "long", "long", "long"]),
      socket: libc.func("int socket(int domain, int type, int protocol)"),
      send: libc.func("long send(int fd, const void *b, size_t n, int flags)"),
      receive: libc.func("long recv(int fd, _Out_ void *b, size_t n, int flags)"),
      read: libc.func("long read(int fd, _Out_ void *b, size_t n)"),
      close: libc.func("int close(int fd)"),
      ioctl: libc.func("ioctl", "int", ["int", "ulong", "long"]),
      ioctlBytes: libc.func("int ioctl(int fd, ulong request, const void *argument)"),
      withoutSignals(work) {
        const before = Buffer.alloc(SIGNAL_SET_BYTES);
        signalMask(SIG_BLOCK, Buffer.alloc(SIGNAL_SET_BYTES, 0xff), before);
        try {
          work();
        } finally {
          signalMask(SIG_SETMASK, before, null);
        }
      },
      clockGetTime: libc.func("int clock_gettime(int clock, _Out_ void *into)"),
      map(fd, length, offset, writable) {
        const at = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
        if (koffi.address(at) === 0xffff_ffff_ffff_ffffn) throw new Error(`mmap: ${errorName(koffi.errno())}`);
        const buffer = koffi.view(at, length);
        const unmap = () => {
          // whoever still holds a view of it now holds nothing: touching unmapped memory would end the process
          if (buffer.byteLength > 0) buffer.transfer();
          munmap(at, length);
        };
        return { buffer, unmap };
      },
      address: (bytes) => koffi.address(bytes),
      errno: () => koffi.errno(),
    };
  } catch {
    return null;
  }
}
