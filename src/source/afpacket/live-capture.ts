/**
 * Live capture on Linux: every packet of some or all interfaces, read in place from a ring shared with the kernel. Takes
 * interface names and what to keep, lends one RawPacket after another to a PacketHandler. The wall clock of the whole
 * program is read here: `tick` tells how far time has come when the wire is silent.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { PacketHandler } from "../../core/packet.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { MILLISECOND, type Micros } from "../../core/units.ts";
import { ANY, interfaceIndexes, noSuchInterface } from "../interfaces.ts";
import { BlockReader } from "./block-reader.ts";
import type { Program } from "./bpf-assembler.ts";
import { captureProgram } from "./capture-program.ts";
import { unsupportedPlatform } from "./errors.ts";
import { type FanoutOptions, fanoutValue } from "./fanout.ts";
import { type HostAddress, nothing, type PortRange } from "./filter-program.ts";
import { InterfaceTable } from "./interface-table.ts";
import { native, type PollHandle } from "./native.ts";
import { BLOCK_BYTES, PacketSocket, type SocketStatistics } from "./packet-socket.ts";

export const DEFAULT_SNAP_LENGTH = 262_144;
export const DEFAULT_BUFFER_BYTES = 64 * BLOCK_BYTES;
const MIN_SNAP_LENGTH = 64;
/** Each block that times out takes 1 MiB of ring however little it holds: fewer than 8 forgive no pause of 160 ms. */
const MIN_BUFFER_BYTES = 8 * BLOCK_BYTES;
const MAX_BUFFER_BYTES = 1024 * BLOCK_BYTES;
const DEFAULT_BLOCK_TIMEOUT_MS = 20;
/** The end waits no longer for what the kernel has counted and does not give. */
const MAX_END_MS = 2_000;
/** At most this much is read before the event loop gets its turn: outputs write, and what is kept waiting is dropped. */
const BLOCKS_PER_TURN = 8;
const TICK_MS = 200;
/** How often names are looked up again, in ticks: an interface may have been made anew. */
const TICKS_PER_LOOKUP = 5;

export interface LiveCaptureOptions {
  /** Names of interfaces, or `any`; empty means any. */
  readonly interfaces?: readonly string[];
  /** Octets of a packet to keep, 64 to 262144. */
  readonly snapLength?: number;
  /** Size of the ring, 8 MiB to 1 GiB. */
  readonly bufferBytes?: number;
  /** Also what is addressed to other machines, on named interfaces. */
  readonly promiscuous?: boolean;
  /** TCP ports to keep; none means all. Fragments, tunnels and IPv6 extension headers pass whatever their port. */
  readonly ports?: readonly PortRange[];
  /** Hosts to keep, whichever end of TCP they are; none means all. What passes with ports passes here too. */
  readonly hosts?: readonly HostAddress[];
  /** Keep tunnels (GRE, VXLAN, …); true when absent. */
  readonly tunnels?: boolean;
  /** UDP ports to keep beside those of tunnels. */
  readonly udpPorts?: readonly number[];
  /** A tcpdump expression, compiled by libpcap; it takes the place of the built-in filter, but not of `ports`. */
  readonly expression?: string;
  readonly fanout?: FanoutOptions;
  /** Nothing passes before `open`: members of a group begin together, so that no flow changes its member. */
  readonly closed?: boolean;
  /**
   * Look at the ring every so often instead of being woken: for worker threads. The callback that wakes us comes from
   * native code, and when it comes to a thread that is just being ended it ends the whole process (V8 aborts).
   */
  readonly unwoken?: boolean;
  /** A part of the ring that is not full is read after this time. */
  readonly blockTimeout_ms?: number;
  /**
   * Called some times a second: time has come to `now`. That is the newest packet's time while packets come, and the
   * clock's, some milliseconds ago, once everything captured so far was handed over.
   */
  readonly tick?: (now: Micros) => void;
}

export interface CaptureStatistics extends SocketStatistics {
  /** Packets handed over. After `stop` this is exactly `packets - drops`. */
  received: number;
}

export class LiveCapture {
  private readonly options: LiveCaptureOptions;
  private readonly names: readonly string[];
  private indexes: number[];
  private readonly socket: PacketSocket;
  private readonly interfaces: InterfaceTable;
  private readonly reader: BlockReader;
  private readonly counted: SocketStatistics = { packets: 0, drops: 0, freezes: 0 };
  private readonly inLedger = { drops: 0, overflow: 0 };
  private handle: PollHandle | null = null;
  private immediate: NodeJS.Immediate | null = null;
  private timer: NodeJS.Timeout | null = null;
  private looking: NodeJS.Timeout | null = null;
  private ticks = 0;
  private lastTick: Micros = 0;
  private draining = false;
  private closing = false;
  private stopping: Promise<void> | null = null;

  /** Opens the capture; packets gather in the ring from now on. Throws Trouble. */
  constructor(handler: PacketHandler, options: LiveCaptureOptions = {}) {
    if (process.platform !== "linux") throw unsupportedPlatform();
    checkSizes(options);
    this.options = options;
    const names = options.interfaces ?? [];
    this.names = names.includes(ANY) ? [] : [...new Set(names)];
    this.indexes = this.names.map((name) => {
      const index = native().if_nametoindex(name);
      if (index === 0) throw noSuchInterface(name);
      return index;
    });
    this.interfaces = new InterfaceTable(interfaceIndexes());
    this.socket = new PacketSocket({
      interfaceIndex: this.indexes.length === 1 ? this.indexes[0] : 0,
      blocks: Math.round((options.bufferBytes ?? DEFAULT_BUFFER_BYTES) / BLOCK_BYTES),
      blockTimeout_ms: this.blockTimeout,
      filter: options.closed ? nothing() : this.filter(),
      promiscuous: options.promiscuous ? this.indexes : [],
      fanout: options.fanout ? fanoutValue(options.fanout) : null,
    });
    this.reader = new BlockReader(this.socket.memory, this.interfaces, handler);
  }

  /** Lets packets pass, of a capture that was made `closed`. */
  open(): void {
    if (!this.closing) this.socket.attachFilter(this.filter());
  }

  /** Lets nothing more pass; what did is still handed over. A member of a group shuts before any other is closed. */
  shut(): void {
    if (!this.closing) this.socket.attachFilter(nothing());
  }

  /** Reads whenever something is there, until `stop` or `close`. Keeps the process alive. */
  start(): void {
    if (this.timer !== null || this.closing) return;
    // a block that is not full becomes ours after its timeout: looking more often finds little more
    if (this.options.unwoken) this.looking = setInterval(this.onReady, this.blockTimeout);
    else this.handle = native().poll(this.socket.fd, { readable: true }, this.onPoll);
    this.timer = setInterval(this.onTimer, TICK_MS);
  }

  /** Hands over what is ready, at most `blocks` blocks of 1 MiB; gives whether everything was handed over. */
  drain(blocks: number = BLOCKS_PER_TURN): boolean {
    if (this.draining || this.closing) return false;
    this.draining = true;
    try {
      return this.reader.drain(blocks) < blocks;
    } finally {
      this.draining = false;
      if (this.closing) this.release();
    }
  }

  /** What the kernel counted since the capture was opened. */
  statistics(): CaptureStatistics {
    this.socket.addStatistics(this.counted);
    return { ...this.counted, received: this.reader.packets };
  }

  /** Adds to the ledger what was lost since the last call. */
  updateLedger(ledger: Ledger): void {
    const { drops } = this.statistics();
    ledger.kernelDropped += drops - this.inLedger.drops;
    this.inLedger.drops = drops;
    const more = this.interfaces.overflow - this.inLedger.overflow;
    if (more > 0) ledger.evict("capture-interfaces", more);
    this.inLedger.overflow += more;
  }

  /** Descriptor to watch for whoever polls by himself and calls `drain`. */
  get fd(): number {
    return this.socket.fd;
  }

  /** Number of the group for other sockets to join. */
  get fanoutId(): number {
    return this.socket.fanoutId();
  }

  /**
   * Ends the capture exactly: nothing new gets in, everything that got in is handed over, then all is closed. Afterwards
   * `statistics` holds the final numbers. The handler may still be called before the promise resolves.
   */
  stop(): Promise<void> {
    this.stopping ??= this.finish();
    return this.stopping;
  }

  private async finish(): Promise<void> {
    if (this.closing) return;
    this.shut();
    // a block that is not full comes out of the kernel after its timeout, and later where the machine is busy
    const limit = performance.now() + MAX_END_MS;
    do {
      await new Promise((resolve) => setTimeout(resolve, 2 * this.blockTimeout + 10));
      if (this.closing) return;
      while (!this.drain() && !this.closing);
    } while (!this.closing && !this.hasAll && performance.now() < limit);
    this.close();
  }

  /** Whether all that the kernel took in was handed over. */
  private get hasAll(): boolean {
    const { packets, drops, received } = this.statistics();
    return received >= packets - drops;
  }

  /** Ends the capture at once; what was not handed over is lost. Idempotent, and allowed within a handler. */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    this.reader.stop();
    this.unwatch();
    if (!this.draining) this.release();
  }

  /** The descriptor may be closed only when the event loop does not watch it any more. */
  private unwatch(): void {
    this.handle?.close();
    this.handle = null;
    for (const timer of [this.timer, this.looking]) if (timer !== null) clearInterval(timer);
    if (this.immediate !== null) clearImmediate(this.immediate);
    this.timer = this.looking = this.immediate = null;
  }

  private release(): void {
    this.socket.addStatistics(this.counted);
    this.reader.release();
    this.socket.close();
  }

  private readonly onPoll = (status: number): void => {
    if (this.handle === null) return;
    if (status < 0) {
      // an interface went down: the watch ended by itself, and the error would end the next one as well
      this.socket.clearError();
      this.handle.start({ readable: true }, this.onPoll);
    }
    // not read here: what is thrown in koffi's callback comes out at some later call, far from its cause
    this.immediate ??= setImmediate(this.onReady);
  };

  private readonly onReady = (): void => {
    if (this.immediate !== null) clearImmediate(this.immediate);
    this.immediate = null;
    const empty = this.drain();
    if (!empty && !this.closing) this.immediate ??= setImmediate(this.onReady);
  };

  private readonly onTimer = (): void => {
    // read before draining: what arrives later must not be older than the time told
    const now = Date.now() * MILLISECOND - 2 * this.blockTimeout * MILLISECOND;
    const empty = this.drain();
    // on a busy wire there is always something newer than the clock's safe distance: then the packets tell the time
    const reached = empty && now > this.reader.newest ? now : this.reader.newest;
    if (!this.closing && reached > this.lastTick) {
      this.lastTick = reached;
      this.options.tick?.(reached);
    }
    if (++this.ticks % TICKS_PER_LOOKUP === 0 && !this.closing) this.lookUpAgain();
  };

  /** Named interfaces that were made anew have another index: hears the new ones instead. */
  private lookUpAgain(): void {
    const now = this.names.map((name, place) => native().if_nametoindex(name) || this.indexes[place]);
    const fresh = now.filter((index, place) => index !== this.indexes[place]);
    if (fresh.length === 0) return;
    // members of a fanout group cannot move to another interface
    if (now.length === 1 && this.options.fanout) return;
    this.indexes = now;
    try {
      if (now.length === 1) this.socket.bind(now[0]);
      else this.socket.attachFilter(this.filter());
      if (this.options.promiscuous) for (const index of fresh) this.socket.promiscuous(index);
    } catch (error) {
      // gone again in between: the next look finds out
      if (!(error instanceof Trouble)) throw error;
      this.indexes = now.map(() => 0);
    }
  }

  private get blockTimeout(): number {
    return this.options.blockTimeout_ms ?? DEFAULT_BLOCK_TIMEOUT_MS;
  }

  private filter(): Program {
    return captureProgram(
      { ...this.options, snapLength: this.options.snapLength ?? DEFAULT_SNAP_LENGTH },
      this.indexes,
    );
  }
}

function checkSizes({ snapLength, bufferBytes }: LiveCaptureOptions): void {
  if (snapLength !== undefined && !(snapLength >= MIN_SNAP_LENGTH && snapLength <= DEFAULT_SNAP_LENGTH)) {
    throw new Trouble(`a snap length of ${snapLength} octets is not possible`, {
      exitCode: EXIT.usage,
      hint: `Give ${MIN_SNAP_LENGTH} to ${DEFAULT_SNAP_LENGTH}.`,
    });
  }
  if (bufferBytes !== undefined && !(bufferBytes >= MIN_BUFFER_BYTES && bufferBytes <= MAX_BUFFER_BYTES)) {
    throw new Trouble(`a capture buffer of ${bufferBytes} octets is not possible`, {
      exitCode: EXIT.usage,
      hint: "Give 8 MiB to 1 GiB.",
    });
  }
}
