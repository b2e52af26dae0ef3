/** HTTP servers that never come to an end. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** An octet every now and then, for ever. */
export function dripping(_request: IncomingMessage, response: ServerResponse): void {
  const drip = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(drip));
}

/** As much as the other side takes: `head`, and then `piece` again and again. */
export function endless(response: ServerResponse, head: string, piece: string): void {
  const block = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  const more = () => {
    while (!response.destroyed && response.write(block)) {}
  };
  response.on("drain", more);
  response.write(head);
  more();
}
