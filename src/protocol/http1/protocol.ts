/** HTTP/1 as a Protocol: finds itself on any port, in either direction (RFC 9112). */
import { Budget, WAITING_BYTES } from "../../core/budget.ts";
import type { Flow } from "../../core/flow.ts";
import type { Detection, Protocol } from "../../core/protocol.ts";
import type { RestRecord, Waker } from "../../core/rest.ts";
import { Http1Connection, type Http1Options } from "./connection.ts";
import { CR, LF } from "./octets.ts";
import { findHead, isRequestLine, isStatusLine, REQUESTS, RESPONSES } from "./start-line.ts";

export class Http1Protocol implements Protocol, Waker {
  readonly name = "http1";
  private readonly options: Http1Options;
  private readonly free: Http1Connection[] = [];
  private readonly budget: Budget;

  constructor(options: Http1Options) {
    this.options = options;
    this.budget = options.budget ?? new Budget(WAITING_BYTES);
  }

  detect(bytes: Uint8Array, start: number, end: number): Detection {
    let at = start;
    while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++;
    if (at === end) return at - start < 64 ? "need-more" : "no";
    const response = isStatusLine(bytes, at, end);
    if (response === "yes") return "yes";
    const request = isRequestLine(bytes, at, end, true);
    if (request === "yes") return "yes";
    return response === "need-more" || request === "need-more" ? "need-more" : "no";
  }

  search(bytes: Uint8Array, start: number, end: number): number {
    return findHead(bytes, start, end, REQUESTS | RESPONSES);
  }

  open(flow: Flow): Http1Connection {
    const connection = this.connection();
    connection.renew(this.options.newBuilder(flow));
    return connection;
  }

  /** The connection of a flow that was put away. */
  wake(flow: Flow, record: RestRecord): Http1Connection {
    const connection = this.connection();
    connection.wake(flow, record);
    return connection;
  }

  private connection(): Http1Connection {
    return this.free.pop() ?? new Http1Connection(this.options, this.free, this.budget, this);
  }
}
