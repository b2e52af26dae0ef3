/**
 * The head of a message as it is kept: redacted, as JSON text, with the places of what rows show. transaction/keep.ts
 * makes it, transaction/kept-numbers.ts puts its numbers away while the exchange is open.
 */

/**
 * One message's head as kept: JSON string contents (escaped, without quotes) and ready `["name","value"],…` text in
 * the thread's memory (memory.ts). All offsets are into that; -1 stands for absent.
 */
export class KeptHead {
  /** Block in the arena, -1 for none; `kept` octets of it are used, of which the text is the last part. */
  offset = -1;
  kept = 0;
  /** Field lines: `["Host","a"],["Accept","b"]`, without the outer brackets. */
  fieldsStart = 0;
  fieldsEnd = 0;
  contentTypeStart = -1;
  contentTypeEnd = -1;
  /** Octets of the head on the wire, line ends and blank line included. */
  wireLength = 0;
}

export class KeptRequest extends KeptHead {
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  hostStart = -1;
  hostEnd = -1;
  /** Parts of the target: see splitTarget. A query goes to the target's end. */
  pathStart = -1;
  pathEnd = -1;
  queryStart = -1;
  userAgentStart = -1;
  userAgentEnd = -1;
}

export class KeptResponse extends KeptHead {
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
}
