/**
 * Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5). Takes fragments from the cursor, and when a
 * datagram is whole moves the cursor onto it. Bytes that came first win; an overlap with other bytes is an anomaly.
 * Bounded in datagrams, pieces and bytes, as in Linux (net.ipv4.ipfrag_high_thresh = 4 MiB, ipfrag_time = 30 s).
 */
import type { Ledger } from "../core/ledger.ts";
import { type Micros, SECOND } from "../core/units.ts";
import type { Cursor } from "./cursor.ts";
import { type Datagram, DatagramTable } from "./datagram.ts";
import { type Piece, PiecePool } from "./piece-pool.ts";

export interface FragmentLimits {
  readonly datagrams: number;
  readonly bytes: number;
  /** Pieces of one datagram: 64 KiB at the smallest IPv4 MTU in use (576) need 119. */
  readonly pieces: number;
  readonly timeout: Micros;
}

export const FRAGMENT_LIMITS: FragmentLimits = { datagrams: 4096, bytes: 4 << 20, pieces: 256, timeout: 30 * SECOND };

const MAX_DATAGRAM = 65535;
/** What a piece costs beside its bytes, roughly: keeps a flood of tiny pieces inside the byte limit too. */
const PIECE_OVERHEAD = 160;

export class FragmentTable {
  private readonly ledger: Ledger;
  private readonly limits: FragmentLimits;
  private readonly datagrams: DatagramTable;
  private bytesHeld = 0;
  private readonly whole = new Uint8Array(MAX_DATAGRAM);
  private readonly pool: PiecePool;

  constructor(ledger: Ledger, limits: FragmentLimits = FRAGMENT_LIMITS) {
    this.ledger = ledger;
    this.limits = limits;
    this.pool = new PiecePool(limits.bytes);
    this.datagrams = new DatagramTable(limits.datagrams);
  }

  get size(): number {
    return this.datagrams.size;
  }

  /** Bytes held, overhead included. */
  get heldBytes(): number {
    return this.bytesHeld;
  }

  /**
   * Takes the fragment whose payload is at the cursor. True when its datagram is whole: then the cursor stands on the
   * datagram's payload (lent until the next call) and `cursor.ipLength` is the sum over the fragments.
   */
  add(cursor: Cursor, id: number, offset: number, more: boolean): boolean {
    this.ledger.fragments++;
    this.advance(cursor.time);
    let end = offset + (cursor.end - cursor.at) + cursor.cut;
    // only the last may end inside an 8-octet unit; Linux rounds down as well
    if (more) end -= (end - offset) & 7;
    if (end <= offset || end > MAX_DATAGRAM) {
      this.ledger.anomaly(end > MAX_DATAGRAM ? "decode.fragment-too-large" : "decode.fragment-empty");
      this.ledger.fragmentsLost++;
      return false;
    }
    const datagram = this.datagrams.find(cursor, id);
    datagram.fragments++;
    if (offset === 0) datagram.protocol = cursor.type;
    if (!this.accepts(datagram, end, more)) {
      this.ledger.anomaly("decode.fragment-conflict");
      return false;
    }
    if (this.insert(datagram, cursor, offset, end)) datagram.ipLength += cursor.ipLength;
    if (datagram.covered === datagram.total) {
      this.assemble(datagram, cursor);
      this.forget(datagram);
      return true;
    }
    this.enforceLimits(datagram);
    return false;
  }

  /** Gives up datagrams whose first fragment is too old at `now`. */
  advance(now: Micros): void {
    for (;;) {
      const { oldest } = this.datagrams;
      if (oldest === null || now - oldest.startTime <= this.limits.timeout) return;
      this.ledger.anomaly("decode.fragment-timeout");
      this.giveUp(oldest);
    }
  }

  /** Whether all fragments that tell where the datagram ends tell the same. */
  private accepts(datagram: Datagram, end: number, more: boolean): boolean {
    if (datagram.total >= 0) return more ? end <= datagram.total : end === datagram.total;
    const last = datagram.pieces.at(-1);
    if (!more && last !== undefined && last.end > end) return false;
    if (!more) datagram.total = end;
    return true;
  }

  /** Puts in the parts of `[start, end)` that no piece has yet. False when it had nothing new. */
  private insert(datagram: Datagram, cursor: Cursor, start: number, end: number): boolean {
    const { pieces } = datagram;
    let from = start;
    let index = 0;
    let added = false;
    while (from < end) {
      while (index < pieces.length && pieces[index].end <= from) index++;
      const next = index < pieces.length ? pieces[index] : null;
      if (next !== null && next.start <= from) {
        this.compare(datagram, next, cursor, start, from, Math.min(end, next.end));
        from = next.end;
        continue;
      }
      const to = next === null ? end : Math.min(end, next.start);
      const piece = this.copy(cursor, start, from, to);
      pieces.splice(index, 0, piece);
      const cost = piece.bytes.length + PIECE_OVERHEAD;
      datagram.covered += to - from;
      datagram.cost += cost;
      this.bytesHeld += cost;
      added = true;
      from = to;
    }
    return added;
  }

  /** `[from, to)` of the fragment at the cursor, which starts at `start` in its datagram. */
  private copy(cursor: Cursor, start: number, from: number, to: number): Piece {
    const place = cursor.at + from - start;
    const length = Math.max(0, Math.min(to - from, cursor.end - place));
    const piece = this.pool.take(length);
    piece.start = from;
    piece.end = to;
    piece.length = length;
    for (let i = 0; i < length; i++) piece.bytes[i] = cursor.bytes[place + i];
    return piece;
  }

  /** A copy of what is there already is no news; other bytes in its place are. */
  private compare(datagram: Datagram, piece: Piece, cursor: Cursor, start: number, from: number, to: number): void {
    if (datagram.overlapped) return;
    for (let at = from; at < to; at++) {
      const place = cursor.at + at - start;
      if (at - piece.start >= piece.length || place >= cursor.end) return;
      if (piece.bytes[at - piece.start] !== cursor.bytes[place]) {
        datagram.overlapped = true;
        this.ledger.anomaly("decode.fragment-overlap");
        return;
      }
    }
  }

  private assemble(datagram: Datagram, cursor: Cursor): void {
    let length = 0;
    for (const piece of datagram.pieces) {
      for (let i = 0; i < piece.length; i++) this.whole[piece.start + i] = piece.bytes[i];
      length = piece.start + piece.length;
      // behind a piece that the snap length cut, nothing is in its place
      if (length < piece.end) break;
    }
    cursor.bytes = this.whole;
    cursor.at = 0;
    cursor.end = length;
    cursor.cut = datagram.total - length;
    cursor.type = datagram.protocol;
    cursor.ipLength = datagram.ipLength;
  }

  private enforceLimits(newest: Datagram): void {
    if (newest.pieces.length > this.limits.pieces) {
      this.ledger.evict("decode.fragments");
      this.giveUp(newest);
    }
    while (this.datagrams.size > this.limits.datagrams || this.bytesHeld > this.limits.bytes) {
      this.ledger.evict("decode.fragments");
      this.giveUp(this.datagrams.oldest!);
    }
  }

  private giveUp(datagram: Datagram): void {
    this.ledger.fragmentsLost += datagram.fragments;
    this.forget(datagram);
  }

  private forget(datagram: Datagram): void {
    this.bytesHeld -= datagram.cost;
    for (const piece of datagram.pieces) this.pool.give(piece);
    this.datagrams.remove(datagram);
  }
}
