/**
 * An exchange read as a TransactionEvent, without making one: every property is taken from the exchange when somebody
 * looks. For rules and statistics, which look at a few properties of every exchange and keep none of it. Lent: what it
 * says is of the exchange it was filled with last, so it must not be kept, spread or cloned past the call; what it gives
 * out (texts, numbers, processes) is plain and may be kept. A test holds it to Materializer's events.
 */
import type { Body, Endpoint, Fields, FlowInfo, RequestInfo, ResponseInfo, TransactionEvent } from "../core/event.ts";
import { type Exchange, OUTCOMES } from "../core/exchange.ts";
import type { KeptHead } from "../core/kept-head.ts";
import { memory } from "../core/memory.ts";
import { formatTime } from "../core/units.ts";
import { kernelOf, type Materializer, span, versionText } from "./materialize.ts";
import { AddressCache, TextCache } from "./text-cache.ts";

const NO_ANOMALIES: readonly string[] = [];
const NO_FIELDS: Fields = [];
const octets = Buffer.from(memory.buffer);

type Part<Name extends keyof TransactionEvent> = NonNullable<TransactionEvent[Name]>;

export class LentEvent implements TransactionEvent {
  readonly type = "transaction";
  readonly flow: LentFlow;
  readonly http: LentHttp;
  readonly latency_ms: LentLatency;
  readonly bytes: LentBytes;
  readonly process: LentProcess;
  readonly quality: LentQuality;
  request: LentRequest | null = null;
  response: LentResponse | null = null;
  time_us = 0.5;
  private readonly source: Source;
  private readonly ownRequest: LentRequest;
  private readonly ownResponse: LentResponse;

  constructor(materializer: Materializer) {
    const source = new Source(materializer);
    this.source = source;
    this.flow = new LentFlow(source);
    this.http = new LentHttp(source);
    this.latency_ms = new LentLatency(source);
    this.bytes = new LentBytes(source);
    this.process = new LentProcess(source);
    this.quality = new LentQuality(source);
    this.ownRequest = new LentRequest(source);
    this.ownResponse = new LentResponse(source);
  }

  /** This event, of another exchange. */
  of(exchange: Exchange): this {
    this.source.exchange = exchange;
    this.source.requestFields = this.source.responseFields = null;
    this.time_us = exchange.requestSeen ? exchange.requestStart : exchange.responseStart;
    this.request = exchange.requestSeen ? this.ownRequest : null;
    this.response = exchange.responseSeen ? this.ownResponse : null;
    return this;
  }

  get time() {
    return formatTime(this.time_us);
  }
  get id() {
    const { exchange } = this.source;
    return `${exchange.flow.id}.${exchange.depth}`;
  }
  get depth() {
    return this.source.exchange.depth;
  }
  get outcome() {
    return OUTCOMES[this.source.exchange.outcome];
  }
  get kernel_ms() {
    return kernelOf(this.source.exchange);
  }
  get anomalies(): readonly string[] {
    return this.source.exchange.anomalies ?? NO_ANOMALIES;
  }
}

/** What the parts of an event read from. */
class Source {
  readonly materializer: Materializer;
  readonly texts = new TextCache();
  readonly addresses = new AddressCache();
  exchange: Exchange = null as unknown as Exchange;
  /** Field lines, split when somebody looked at them. */
  requestFields: Fields | null = null;
  responseFields: Fields | null = null;

  constructor(materializer: Materializer) {
    this.materializer = materializer;
  }

  contentType(head: KeptHead): string | null {
    if (head.offset < 0 || head.contentTypeStart < 0) return null;
    return this.texts.text(head.contentTypeStart, head.contentTypeEnd);
  }
}

class Lent {
  protected readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }
}

class LentFlow extends Lent implements FlowInfo {
  readonly client: LentEndpoint;
  readonly server: LentEndpoint;

  constructor(source: Source) {
    super(source);
    this.client = new LentEndpoint(source, true);
    this.server = new LentEndpoint(source, false);
  }

  get id() {
    return this.source.exchange.flow.id;
  }
  get interface() {
    return this.source.exchange.flow.interfaceName;
  }
  get vlan() {
    const { vlan } = this.source.exchange.flow;
    return vlan < 0 ? null : vlan;
  }
  get encapsulation() {
    return this.source.exchange.flow.encapsulation;
  }
}

/** Client first; when nobody told who that is, the sender of the first packet stands for it. */
class LentEndpoint extends Lent implements Endpoint {
  private readonly client: boolean;

  constructor(source: Source, client: boolean) {
    super(source);
    this.client = client;
  }

  get ip() {
    const { flow } = this.source.exchange;
    return this.client !== (flow.clientHalf === 1)
      ? this.source.addresses.text(flow.source0, flow.source1, flow.source2, flow.source3)
      : this.source.addresses.text(flow.destination0, flow.destination1, flow.destination2, flow.destination3);
  }
  get port() {
    const { flow } = this.source.exchange;
    return this.client !== (flow.clientHalf === 1) ? flow.sourcePort : flow.destinationPort;
  }
}

class LentHttp extends Lent implements Part<"http"> {
  get version() {
    return versionText(this.source.exchange.version);
  }
  get upgrade() {
    const { upgrade } = this.source.exchange;
    return upgrade === "" ? null : upgrade;
  }
}

class LentRequest extends Lent implements RequestInfo {
  get method() {
    const { request } = this.source.exchange;
    return request.offset < 0 ? "" : this.source.texts.text(request.methodStart, request.methodEnd);
  }
  get target() {
    const { request } = this.source.exchange;
    return request.offset < 0 ? "" : this.source.texts.text(request.targetStart, request.targetEnd);
  }
  get host() {
    const { request } = this.source.exchange;
    if (request.offset < 0 || request.hostStart < 0) return null;
    return this.source.texts.text(request.hostStart, request.hostEnd);
  }
  get path() {
    const { request } = this.source.exchange;
    if (request.offset < 0 || request.pathStart < 0) return null;
    return this.source.texts.text(request.pathStart, request.pathEnd);
  }
  get query() {
    const { request } = this.source.exchange;
    if (request.offset < 0 || request.pathStart < 0 || request.queryStart < 0) return null;
    return this.source.texts.text(request.queryStart, request.targetEnd);
  }
  get fields() {
    this.source.requestFields ??= fieldsOf(this.source.exchange.request);
    return this.source.requestFields;
  }
  get trailers() {
    return trailersOf(this.source.exchange.requestTrailers);
  }
  get header_bytes() {
    return this.source.exchange.request.wireLength;
  }
  get body_bytes() {
    return this.source.exchange.requestBodyBytes;
  }
  get content_type() {
    return this.source.contentType(this.source.exchange.request);
  }
  get user_agent() {
    const { request } = this.source.exchange;
    if (request.offset < 0 || request.userAgentStart < 0) return null;
    return this.source.texts.text(request.userAgentStart, request.userAgentEnd);
  }
  get body(): Body | undefined {
    return this.source.materializer.body(this.source.exchange, true) ?? undefined;
  }
}

class LentResponse extends Lent implements ResponseInfo {
  get status() {
    return this.source.exchange.response.status;
  }
  get reason() {
    const { response } = this.source.exchange;
    return response.offset < 0 ? "" : this.source.texts.text(response.reasonStart, response.reasonEnd);
  }
  get fields() {
    this.source.responseFields ??= fieldsOf(this.source.exchange.response);
    return this.source.responseFields;
  }
  get trailers() {
    return trailersOf(this.source.exchange.responseTrailers);
  }
  get header_bytes() {
    return this.source.exchange.response.wireLength;
  }
  get body_bytes() {
    return this.source.exchange.responseBodyBytes;
  }
  get content_type() {
    return this.source.contentType(this.source.exchange.response);
  }
  get body(): Body | undefined {
    return this.source.materializer.body(this.source.exchange, false) ?? undefined;
  }
}

class LentLatency extends Lent implements Part<"latency_ms"> {
  get ttfb() {
    const { exchange } = this.source;
    return answered(exchange) ? span(exchange.requestStart, exchange.responseStart) : null;
  }
  get total() {
    const { exchange } = this.source;
    return answered(exchange) && exchange.responseComplete ? span(exchange.requestStart, exchange.responseEnd) : null;
  }
  get upload() {
    const { exchange } = this.source;
    return exchange.requestSeen && exchange.requestComplete ? span(exchange.requestStart, exchange.requestEnd) : null;
  }
  get think() {
    const { exchange } = this.source;
    return answered(exchange) && exchange.requestComplete ? span(exchange.requestEnd, exchange.responseStart) : null;
  }
}

class LentBytes extends Lent implements Part<"bytes"> {
  get in() {
    return this.source.exchange.wireIn;
  }
  get out() {
    return this.source.exchange.wireOut;
  }
  get in_retransmitted() {
    return this.source.exchange.retransmittedIn;
  }
  get out_retransmitted() {
    return this.source.exchange.retransmittedOut;
  }
  get in_first_packet() {
    return this.source.exchange.firstPacketIn;
  }
  get out_first_packet() {
    return this.source.exchange.firstPacketOut;
  }
}

class LentProcess extends Lent implements Part<"process"> {
  get client() {
    return this.source.exchange.flow.clientProcess;
  }
  get server() {
    return this.source.exchange.flow.serverProcess;
  }
}

class LentQuality extends Lent implements Part<"quality"> {
  get midstream() {
    return this.source.exchange.midstream;
  }
  get gap_bytes() {
    return this.source.exchange.gapBytes;
  }
  get truncated() {
    return this.source.exchange.truncated;
  }
}

const answered = (exchange: Exchange): boolean => exchange.requestSeen && exchange.responseSeen;

function fieldsOf(head: KeptHead): Fields {
  if (head.offset < 0) return NO_FIELDS;
  return JSON.parse(`[${octets.toString("utf8", head.fieldsStart, head.fieldsEnd)}]`) as Fields;
}

const trailersOf = (trailers: string | null): Fields | undefined =>
  trailers === null ? undefined : (JSON.parse(`[${trailers}]`) as Fields);
