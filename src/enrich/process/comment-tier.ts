/**
 * Attribution of capture files: from packet comments and interface descriptions. Which end a process is at is told by
 * earshot's own comments; by the direction of the packet for ptcpdump's; for Tracee's, whose interface holds the packets
 * of one process, by the one address that all its flows have in common. Where none of that tells, nobody is named.
 */
import type { Flow, HalfIndex } from "../../core/flow.ts";
import { type CaptureInterface, type Direction, OUTGOING, UNKNOWN_DIRECTION } from "../../core/packet.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { type CommentOwners, parseComment, parseTraceeDescription } from "./capture-comment.ts";
import type { RedactArguments } from "./details.ts";
import { clientEnd, ownersOf } from "./flow-owners.ts";
import { addressKey } from "./proc-net.ts";
import { isLoopback } from "./socket-tuple.ts";

/** Comments kept: at most 4 Mi characters of them, for the longest are not kept. */
const MAX_COMMENTS = 512;
const MAX_KEPT_LENGTH = 8_192;
const MAX_INTERFACES = 4_096;

interface TracedInterface {
  readonly process: ProcessInfo;
  /** Addresses that all flows so far had: in the end the process's own. null before the first flow. */
  candidates: Set<string> | null;
}

export class CommentTier {
  private readonly redactArguments: RedactArguments;
  /** One object per comment, so that renderings of a process can be kept. */
  private readonly comments = new Map<string, CommentOwners>();
  private readonly interfaces = new Map<number, TracedInterface>();

  constructor(redactArguments: RedactArguments) {
    this.redactArguments = redactArguments;
  }

  interfaceOpened(info: CaptureInterface): void {
    const process = info.description === null ? null : parseTraceeDescription(info.description);
    if (process !== null && this.interfaces.size < MAX_INTERFACES) {
      this.interfaces.set(info.id, { process, candidates: null });
    }
  }

  /** A comment of a packet that one half of the flow sent. */
  comment(flow: Flow, comment: string, direction: Direction, from: HalfIndex): void {
    const { client, server, near } = this.parsed(comment);
    const { ends } = ownersOf(flow);
    const at = clientEnd(flow);
    if (client !== null) ends[at].info = client;
    if (server !== null) ends[1 - at].info = server;
    // a packet that leaves comes from a process here, one that arrives goes to one
    if (near !== null && direction !== UNKNOWN_DIRECTION) {
      this.nearEnd(flow, near, direction === OUTGOING ? from : ((1 - from) as HalfIndex), direction === OUTGOING);
    }
  }

  /**
   * ptcpdump looks for the process of the sender's socket, then of the receiver's: within one host a comment may be about
   * either. There only the client's own first words are its own for certain, and who else is named afterwards is the server.
   */
  private nearEnd(flow: Flow, near: ProcessInfo, end: HalfIndex, outgoing: boolean): void {
    const { ends } = ownersOf(flow);
    const other = ends[1 - end].info;
    // earshot's own comment says more than the lines beside it
    if (ends[end].info?.pid === near.pid || other?.pid === near.pid) return;
    const certain = flow.clientHalf === end && outgoing;
    if (withinHost(flow) && other === null && !certain) return;
    ends[end].info = near;
  }

  opened(flow: Flow): void {
    if (this.interfaces.size === 0) return;
    const traced = this.interfaces.get(flow.interfaceId);
    if (traced === undefined) return;
    const [source, destination] = addressesOf(flow);
    traced.candidates =
      traced.candidates === null
        ? new Set([source, destination])
        : new Set([source, destination].filter((key) => traced.candidates!.has(key)));
  }

  used(flow: Flow): void {
    if (this.interfaces.size === 0) return;
    const traced = this.interfaces.get(flow.interfaceId);
    if (traced?.candidates?.size !== 1) return;
    const [source, destination] = addressesOf(flow);
    if (source === destination) return; // loopback: either end
    const { ends } = ownersOf(flow);
    if (traced.candidates.has(source)) ends[0].info = traced.process;
    else if (traced.candidates.has(destination)) ends[1].info = traced.process;
  }

  private parsed(comment: string): CommentOwners {
    let owners = this.comments.get(comment);
    if (owners === undefined) {
      const found = parseComment(comment);
      owners = {
        client: this.redacted(found.client),
        server: this.redacted(found.server),
        near: this.redacted(found.near),
      };
      if (comment.length > MAX_KEPT_LENGTH) return owners;
      if (this.comments.size >= MAX_COMMENTS) this.comments.clear();
      this.comments.set(comment, owners);
    }
    return owners;
  }

  private redacted(process: ProcessInfo | null): ProcessInfo | null {
    return process?.args === undefined ? process : { ...process, args: this.redactArguments([...process.args]) };
  }
}

function withinHost(flow: Flow): boolean {
  const [source, destination] = addressesOf(flow);
  return source === destination || isLoopback(flow.source0, flow.source1, flow.source2, flow.source3);
}

function addressesOf(flow: Flow): [string, string] {
  return [
    addressKey(flow.source0, flow.source1, flow.source2, flow.source3),
    addressKey(flow.destination0, flow.destination1, flow.destination2, flow.destination3),
  ];
}
