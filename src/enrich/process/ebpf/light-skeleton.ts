/**
 * Loads a BPF blob (scripts/bpf-blob.mjs) with bpf(2): the blob holds a small loader program that makes the kernel create
 * the maps, fit the programs to its own types (CO-RE) and load them. No libbpf, no compiler. Linux 5.17 and newer.
 */
import { closeSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { ERRNO, errorName, type SystemCalls } from "../system-calls.ts";

/** bpf(2) commands and types, from linux/bpf.h. */
const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_PROG_RUN = 10;
const BPF_RAW_TRACEPOINT_OPEN = 17;
const BPF_LINK_CREATE = 28;
const BPF_ITER_CREATE = 33;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_PROG_TYPE_SYSCALL = 31;
const BPF_F_SLEEPABLE = 16;
const BPF_TRACE_ITER = 28;
const SYSCALL_NUMBER: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** struct bpf_loader_ctx, then one bpf_map_desc per map, one file descriptor per program. */
const CONTEXT_HEADER = 24;
const MAP_DESCRIPTION = 16;
const PAGE = 4096;
const MAX_ATTEMPTS = 20;

export class BpfError extends Error {
  readonly errno: number;

  constructor(what: string, errno: number) {
    super(`${what}: ${errorName(errno)}`);
    this.errno = errno;
  }
}

interface Blob {
  /** Hash of the C files that it was made of. */
  readonly source: string;
  readonly maps: readonly string[];
  readonly programs: readonly string[];
  /** First values of read-only data and the like, by map; base64. */
  readonly initial: Readonly<Record<string, string>>;
  readonly insns: Buffer;
  readonly data: Buffer;
}

export function readBlob(path: string | URL): Blob {
  const whole = gunzipSync(readFileSync(path));
  const line = whole.indexOf(0x0a);
  const facts = JSON.parse(whole.toString("utf8", 0, line));
  const insns = whole.subarray(line + 1, line + 1 + facts.insns);
  return { ...facts, insns, data: whole.subarray(line + 1 + facts.insns, line + 1 + facts.insns + facts.data) };
}

export class LightSkeleton {
  private readonly calls: SystemCalls;
  private readonly maps = new Map<string, number>();
  private readonly programs = new Map<string, number>();
  private readonly links: number[] = [];

  constructor(calls: SystemCalls) {
    this.calls = calls;
  }

  /** Loads every map and program of the blob, or throws and leaves nothing behind. `sizes`: entries of maps, by name. */
  load(blob: Blob, sizes: Readonly<Record<string, number>> = {}): void {
    for (let attempt = 1; ; attempt++) {
      try {
        // a signal, such as a profiler's, would make the kernel's verifier give up
        this.calls.withoutSignals(() => this.loadUndisturbed(blob, sizes));
        return;
      } catch (error) {
        // so does work that the kernel has for the thread itself: that is done by the next time
        const disturbed = error instanceof BpfError && error.errno === ERRNO.EAGAIN;
        if (!disturbed || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  private loadUndisturbed(blob: Blob, sizes: Readonly<Record<string, number>>): void {
    const dataMap = this.createDataMap(blob.data);
    let loader = -1;
    try {
      loader = this.loadLoader(blob.insns, dataMap);
      this.run(loader, blob, sizes);
    } finally {
      closeSync(dataMap);
      if (loader >= 0) closeSync(loader);
    }
  }

  map(name: string): number {
    return this.maps.get(name)!;
  }

  /** Attaches a tracepoint, fentry or fexit program. */
  attach(name: string): void {
    const attributes = Buffer.alloc(24);
    attributes.writeUInt32LE(this.programs.get(name)!, 8);
    this.links.push(this.bpf(`attach ${name}`, BPF_RAW_TRACEPOINT_OPEN, attributes));
  }

  /** Runs an iterator program once and hands over what it wrote, in pieces of whole records of `size` octets. */
  iterate(name: string, size: number, take: (record: Buffer) => void): void {
    const link = Buffer.alloc(48);
    link.writeUInt32LE(this.programs.get(name)!, 0);
    link.writeUInt32LE(BPF_TRACE_ITER, 8);
    const linkFd = this.bpf(`attach ${name}`, BPF_LINK_CREATE, link);
    try {
      const create = Buffer.alloc(8);
      create.writeUInt32LE(linkFd, 0);
      const fd = this.bpf(`run ${name}`, BPF_ITER_CREATE, create);
      try {
        this.readRecords(fd, size, take);
      } finally {
        closeSync(fd);
      }
    } finally {
      closeSync(linkFd);
    }
  }

  close(): void {
    for (const fd of [...this.links, ...this.programs.values(), ...this.maps.values()]) closeSync(fd);
    this.links.length = 0;
    this.programs.clear();
    this.maps.clear();
  }

  private readRecords(fd: number, size: number, take: (record: Buffer) => void): void {
    const buffer = Buffer.alloc(size * 512);
    let held = 0;
    for (;;) {
      const length = this.calls.read(fd, buffer.subarray(held), buffer.length - held);
      if (length <= 0) return;
      held += length;
      let at = 0;
      for (; at + size <= held; at += size) take(buffer.subarray(at, at + size));
      buffer.copyWithin(0, at, held);
      held -= at;
    }
  }

  private createDataMap(data: Buffer): number {
    const attributes = Buffer.alloc(72);
    attributes.writeUInt32LE(BPF_MAP_TYPE_ARRAY, 0);
    attributes.writeUInt32LE(4, 4); // key
    attributes.writeUInt32LE(data.length, 8);
    attributes.writeUInt32LE(1, 12);
    const fd = this.bpf("create map", BPF_MAP_CREATE, attributes);
    const key = Buffer.alloc(4);
    const update = Buffer.alloc(32);
    update.writeUInt32LE(fd, 0);
    update.writeBigUInt64LE(this.calls.address(key), 8);
    update.writeBigUInt64LE(this.calls.address(data), 16);
    try {
      this.bpf("fill map", BPF_MAP_UPDATE_ELEM, update);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  private loadLoader(insns: Buffer, dataMap: number): number {
    const license = Buffer.from("Dual BSD/GPL\0");
    const fds = Buffer.alloc(4);
    fds.writeInt32LE(dataMap);
    const attributes = Buffer.alloc(128);
    attributes.writeUInt32LE(BPF_PROG_TYPE_SYSCALL, 0);
    attributes.writeUInt32LE(insns.length / 8, 4);
    attributes.writeBigUInt64LE(this.calls.address(insns), 8);
    attributes.writeBigUInt64LE(this.calls.address(license), 16);
    attributes.writeUInt32LE(BPF_F_SLEEPABLE, 44);
    attributes.write("__loader.prog", 48);
    attributes.writeBigUInt64LE(this.calls.address(fds), 120);
    return this.bpf("load", BPF_PROG_LOAD, attributes);
  }

  /** The loader program finds its orders in, and leaves its file descriptors in, a context structure. */
  private run(loader: number, blob: Blob, sizes: Readonly<Record<string, number>>): void {
    const programs = blob.programs.length;
    const programsAt = CONTEXT_HEADER + MAP_DESCRIPTION * blob.maps.length;
    const context = Buffer.alloc(programsAt + 4 * (programs + (programs % 2)));
    context.writeUInt32LE(context.length, 0);
    const values: Buffer[] = []; // kept until the call is done: the context holds their addresses
    blob.maps.forEach((name, index) => {
      const at = CONTEXT_HEADER + MAP_DESCRIPTION * index;
      context.writeUInt32LE(sizes[name] ?? 0, at + 4); // 0: as the program has it
      const initial = blob.initial[name];
      if (initial === undefined) return;
      const value = Buffer.alloc(PAGE);
      Buffer.from(initial, "base64").copy(value);
      values.push(value);
      context.writeBigUInt64LE(this.calls.address(value), at + 8);
    });
    const attributes = Buffer.alloc(80);
    attributes.writeUInt32LE(loader, 0);
    attributes.writeUInt32LE(context.length, 40);
    attributes.writeBigUInt64LE(this.calls.address(context), 48);
    this.bpf("load", BPF_PROG_RUN, attributes);
    const result = attributes.readInt32LE(4);
    if (result < 0) throw new BpfError("load", -result);
    blob.maps.forEach((name, index) => {
      this.maps.set(name, context.readInt32LE(CONTEXT_HEADER + MAP_DESCRIPTION * index));
    });
    blob.programs.forEach((name, index) => {
      this.programs.set(name, context.readInt32LE(programsAt + 4 * index));
    });
  }

  private bpf(what: string, command: number, attributes: Buffer): number {
    const number = SYSCALL_NUMBER[process.arch];
    if (number === undefined) throw new BpfError(what, 38);
    const result = this.calls.raw(number, command, attributes, attributes.length, 0, 0);
    if (result < 0) throw new BpfError(what, this.calls.errno());
    return result;
  }
}
