/**
 * Exact lookup of one TCP socket by NETLINK_SOCK_DIAG (inet_diag): a socket's tuple in, its inode, user and state out.
 * Sees the network namespace of the thread that opened it. A few microseconds a question.
 */
import type { SocketTuple } from "./socket-tuple.ts";
import type { SystemCalls } from "./system-calls.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLMSG_DONE = 3;
const ANY_STATE = 0xffff_ffff;
/** A host with more listeners than fit in so many replies gets no answer. */
const MAX_DUMP_REPLIES = 64;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const MSG_DONTWAIT = 0x40;
/** struct nlmsghdr, then struct inet_diag_req_v2. */
const HEADER = 16;
const REQUEST_LENGTH = HEADER + 56;
/** struct inet_diag_msg: family, state, …, id (48 bytes from 4), expires, rqueue, wqueue, uid, inode. */
const MESSAGE_LENGTH = 72;

/** Kernel's TCP states. */
export const TCP_LISTEN = 10;

export interface FoundSocket {
  /** 0 while no process has the socket: not accepted yet, or closed already. */
  readonly inode: number;
  readonly uid: number;
  readonly state: number;
}

export class SocketDiagnosis {
  private readonly calls: SystemCalls;
  private fd: number;
  private sequence = 0;
  private readonly request = Buffer.alloc(REQUEST_LENGTH);
  private readonly reply = Buffer.alloc(32_768);

  private constructor(calls: SystemCalls, fd: number) {
    this.calls = calls;
    this.fd = fd;
    this.request.writeUInt32LE(REQUEST_LENGTH, 0);
    this.request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
    this.request.writeUInt16LE(NLM_F_REQUEST, 6);
    this.request[HEADER + 1] = IPPROTO_TCP;
    this.request.writeUInt32LE(ANY_STATE, HEADER + 4);
    this.request.fill(0xff, HEADER + 48, HEADER + 56); // no cookie
  }

  /** null when the kernel has no such socket family. */
  static open(calls: SystemCalls): SocketDiagnosis | null {
    const fd = calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
    return fd < 0 ? null : new SocketDiagnosis(calls, fd);
  }

  /** The connected socket with this tuple; null when there is none. A listener is never given. */
  find(tuple: SocketTuple): FoundSocket | null {
    if (this.fd < 0) return null;
    const mapped = tuple.local0 === 0 && tuple.local1 === 0 && tuple.local2 === 0xffff;
    // the kernel keeps v4-mapped sockets in the same hash as IPv4 ones, so one question finds both
    this.fillRequest(tuple, mapped ? AF_INET : AF_INET6);
    if (this.calls.send(this.fd, this.request, REQUEST_LENGTH, 0) !== REQUEST_LENGTH) return null;
    for (let replies = 0; replies < 8; replies++) {
      const length = this.calls.receive(this.fd, this.reply, this.reply.length, MSG_DONTWAIT);
      if (length < HEADER) return null;
      if (this.reply.readUInt32LE(8) !== this.sequence) continue; // an answer to a question given up before
      if (this.reply.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY || length < HEADER + MESSAGE_LENGTH) return null;
      return this.readReply(tuple);
    }
    return null;
  }

  /** Inodes of all sockets that listen on a port, whatever their address; null when the kernel does not tell. */
  listeners(port: number): Set<number> | null {
    const inodes = new Set<number>();
    for (const family of [AF_INET, AF_INET6]) if (!this.dumpListeners(family, port, inodes)) return null;
    return inodes;
  }

  close(): void {
    if (this.fd >= 0) this.calls.close(this.fd);
    this.fd = -1;
  }

  private dumpListeners(family: number, port: number, into: Set<number>): boolean {
    if (this.fd < 0) return false;
    const request = this.request;
    this.sequence = (this.sequence + 1) >>> 0;
    request.writeUInt32LE(this.sequence, 8);
    request.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
    request[HEADER] = family;
    request.writeUInt32LE(1 << TCP_LISTEN, HEADER + 4);
    request.fill(0, HEADER + 8, HEADER + 44);
    const sent = this.calls.send(this.fd, request, REQUEST_LENGTH, 0) === REQUEST_LENGTH;
    request.writeUInt16LE(NLM_F_REQUEST, 6);
    request.writeUInt32LE(ANY_STATE, HEADER + 4);
    for (let replies = 0; sent && replies < MAX_DUMP_REPLIES; replies++) {
      const length = this.calls.receive(this.fd, this.reply, this.reply.length, MSG_DONTWAIT);
      if (length < HEADER) return false;
      const more = this.readDump(length, port, into);
      if (more !== null) return more;
    }
    return false;
  }

  /** Reads the messages of one reply; true when the dump is done, false when it failed, null when there is more. */
  private readDump(length: number, port: number, into: Set<number>): boolean | null {
    const reply = this.reply;
    for (let at = 0; at + HEADER <= length; ) {
      const size = reply.readUInt32LE(at);
      if (size < HEADER || at + size > length) return false;
      const type = reply.readUInt16LE(at + 4);
      if (reply.readUInt32LE(at + 8) === this.sequence) {
        if (type === NLMSG_DONE) return true;
        if (type !== SOCK_DIAG_BY_FAMILY || size < HEADER + MESSAGE_LENGTH) return false;
        const inode = reply.readUInt32LE(at + HEADER + 68);
        if (reply.readUInt16BE(at + HEADER + 4) === port && inode !== 0) into.add(inode);
      }
      at += (size + 3) & ~3;
    }
    return null;
  }

  private fillRequest(tuple: SocketTuple, family: number): void {
    const request = this.request;
    this.sequence = (this.sequence + 1) >>> 0;
    request.writeUInt32LE(this.sequence, 8);
    request[HEADER] = family;
    request.writeUInt16BE(tuple.localPort, HEADER + 8);
    request.writeUInt16BE(tuple.remotePort, HEADER + 10);
    request.fill(0, HEADER + 12, HEADER + 44);
    if (family === AF_INET) {
      request.writeInt32BE(tuple.local3 | 0, HEADER + 12);
      request.writeInt32BE(tuple.remote3 | 0, HEADER + 28);
    } else {
      writeWords(request, HEADER + 12, tuple.local0, tuple.local1, tuple.local2, tuple.local3);
      writeWords(request, HEADER + 28, tuple.remote0, tuple.remote1, tuple.remote2, tuple.remote3);
    }
  }

  private readReply(tuple: SocketTuple): FoundSocket | null {
    const reply = this.reply;
    const state = reply[HEADER + 1];
    // with no connection of that name the kernel answers with the listener: not what was asked
    if (state === TCP_LISTEN || reply.readUInt16BE(HEADER + 6) !== tuple.remotePort) return null;
    return { inode: reply.readUInt32LE(HEADER + 68), uid: reply.readUInt32LE(HEADER + 64), state };
  }
}

function writeWords(into: Buffer, at: number, word0: number, word1: number, word2: number, word3: number): void {
  into.writeInt32BE(word0 | 0, at);
  into.writeInt32BE(word1 | 0, at + 4);
  into.writeInt32BE(word2 | 0, at + 8);
  into.writeInt32BE(word3 | 0, at + 12);
}
