/**
 * Writes exchanges as lines of JSON (docs/events.md) straight from their kept text into one buffer of octets: no
 * strings, no objects. The same text as `JSON.stringify` of the event, which a test holds it to.
 */
import { type Exchange, type ExchangeListener, type KeptHead, NEVER } from "../../core/exchange.ts";
import type { Flow } from "../../core/flow.ts";
import { CONNECT_METHOD } from "../../core/http.ts";
import { splitTarget } from "../../core/request-target.ts";
import { formatTime, SECOND } from "../../core/units.ts";
import { type LineBuffer, text } from "./line-buffer.ts";

const K = {
  start: text('{"type":"transaction","time":"'),
  timeUs: text('Z","time_us":'),
  id: text(',"id":"'),
  flow: text('","flow":'),
  depth: text(',"depth":'),
  version: text(',"http":{"version":"'),
  noUpgrade: text('","upgrade":null},"request":'),
  upgrade: text('","upgrade":"'),
  upgradeEnd: text('"},"request":'),
  nothing: text("null"),
  method: text('{"method":"'),
  target: text('","target":"'),
  host: text('","host":"'),
  noHost: text('","host":null'),
  path: text('","path":"'),
  noPath: text(',"path":null'),
  pathAfterNull: text(',"path":"'),
  query: text('","query":"'),
  noQuery: text('","query":null,"fields":['),
  noPathNoQuery: text(',"query":null,"fields":['),
  fields: text('","fields":['),
  headerBytes: text('],"header_bytes":'),
  bodyBytes: text(',"body_bytes":'),
  contentType: text(',"content_type":"'),
  noContentType: text(',"content_type":null'),
  userAgent: text('","user_agent":"'),
  agentAfterNull: text(',"user_agent":"'),
  noAgent: text(',"user_agent":null'),
  quote: text('"'),
  brace: text("}"),
  quoteBrace: text('"}'),
  response: text(',"response":'),
  status: text('{"status":'),
  reason: text(',"reason":"'),
  outcomes: ["complete", "no-response", "aborted", "gap"].map((name) =>
    text(`,"outcome":"${name}","latency_ms":{"ttfb":`),
  ),
  total: text(',"total":'),
  upload: text(',"upload":'),
  think: text(',"think":'),
  bytesIn: text('},"bytes":{"in":'),
  bytesOut: text(',"out":'),
  againIn: text(',"in_retransmitted":'),
  againOut: text(',"out_retransmitted":'),
  firstIn: text(',"in_first_packet":'),
  firstOut: text(',"out_first_packet":'),
  noProcess: text('},"process":{"client":null,"server":null},"kernel_ms":'),
  process: text('},"process":'),
  kernel: text(',"kernel_ms":'),
  midstream: text(',"quality":{"midstream":true,"gap_bytes":'),
  notMidstream: text(',"quality":{"midstream":false,"gap_bytes":'),
  truncated: text(',"truncated":true},"anomalies":['),
  notTruncated: text(',"truncated":false},"anomalies":['),
  end: text("]}\n"),
};

/** Extras that are rare and costly: made as text by whoever knows how (transaction/materialize.ts). */
export type RenderBody = (exchange: Exchange, request: boolean) => string | null;

export class JsonWriter implements ExchangeListener {
  readonly out: LineBuffer;
  private readonly renderBody: RenderBody;
  private second = -1;
  private readonly prefix = new Uint8Array(20);
  private processFlow: Flow | null = null;
  private processVersion = -1;
  private processText = "";

  constructor(out: LineBuffer, renderBody: RenderBody) {
    this.out = out;
    this.renderBody = renderBody;
  }

  exchange(exchange: Exchange): void {
    const out = this.out;
    // the longest line: two heads of the largest block, and room for everything else
    out.begin(exchange.request.kept * 2 + exchange.response.kept + 8192);
    const time = exchange.requestSeen ? exchange.requestStart : exchange.responseStart;
    out.put(K.start);
    this.putTime(time);
    out.put(K.timeUs);
    out.number(time);
    out.put(K.id);
    out.number(exchange.flow.id);
    out.octet(46);
    out.number(exchange.depth);
    out.put(K.flow);
    out.bytes(this.flowJson(exchange.flow));
    out.put(K.depth);
    out.number(exchange.depth);
    this.version(exchange);
    if (exchange.requestSeen) this.request(exchange);
    else out.put(K.nothing);
    out.put(K.response);
    if (exchange.responseSeen) this.response(exchange);
    else out.put(K.nothing);
    this.tail(exchange);
    out.end();
  }

  /** `2026-01-31T10:20:30.123456`: the part up to the second repeats. */
  private putTime(time: number): void {
    const second = Math.floor(time / SECOND);
    if (second !== this.second) {
      const textual = formatTime(time);
      for (let i = 0; i < 20; i++) this.prefix[i] = textual.charCodeAt(i);
      this.second = second;
    }
    this.out.bytes(this.prefix);
    this.out.sixDigits(time - second * SECOND);
  }

  private flowJson(flow: Flow): Uint8Array {
    const info = flow.info;
    if (flow.json === null) flow.json = new TextEncoder().encode(JSON.stringify(info));
    return flow.json;
  }

  private version(exchange: Exchange): void {
    const out = this.out;
    out.put(K.version);
    const version = exchange.version;
    out.number(Math.floor(version / 10));
    if (version < 20 || version % 10 !== 0) {
      out.octet(46);
      out.number(version % 10);
    }
    if (exchange.upgrade === "") out.put(K.noUpgrade);
    else {
      out.put(K.upgrade);
      out.text(JSON.stringify(exchange.upgrade).slice(1, -1));
      out.put(K.upgradeEnd);
    }
  }

  private request(exchange: Exchange): void {
    const out = this.out;
    const head = exchange.request;
    const kept = head.offset >= 0;
    out.put(K.method);
    if (kept) out.arena(exchange.arena, head.methodStart, head.methodEnd);
    out.put(K.target);
    if (kept) out.arena(exchange.arena, head.targetStart, head.targetEnd);
    if (kept && head.hostStart >= 0) {
      out.put(K.host);
      out.arena(exchange.arena, head.hostStart, head.hostEnd);
      out.octet(34);
    } else out.put(K.noHost);
    this.pathAndQuery(exchange, kept);
    if (kept) out.arena(exchange.arena, head.fieldsStart, head.fieldsEnd);
    out.put(K.headerBytes);
    out.number(head.wireLength);
    out.put(K.bodyBytes);
    out.number(exchange.requestBodyBytes);
    const typed = this.contentType(exchange, head);
    if (kept && head.userAgentStart >= 0) {
      out.put(typed ? K.userAgent : K.agentAfterNull);
      out.arena(exchange.arena, head.userAgentStart, head.userAgentEnd);
      out.octet(34);
    } else {
      if (typed) out.octet(34);
      out.put(K.noAgent);
    }
    this.extras(exchange, true);
    out.octet(125);
  }

  private pathAndQuery(exchange: Exchange, kept: boolean): void {
    const out = this.out;
    const head = exchange.request;
    const end = kept ? head.targetEnd : head.targetStart;
    const parts = splitTarget(exchange.arena.bytes, head.targetStart, end, exchange.method === CONNECT_METHOD);
    if (!kept || parts.pathStart < 0) {
      out.put(K.noPath);
      out.put(K.noPathNoQuery);
      return;
    }
    const { queryStart, queryEnd } = parts;
    out.put(K.pathAfterNull);
    out.arena(exchange.arena, parts.pathStart, parts.pathEnd);
    if (queryStart < 0) out.put(K.noQuery);
    else {
      out.put(K.query);
      out.arena(exchange.arena, queryStart, queryEnd);
      out.put(K.fields);
    }
  }

  /** True when there is one; its closing quote is left to the caller. */
  private contentType(exchange: Exchange, head: KeptHead): boolean {
    if (head.offset < 0 || head.contentTypeStart < 0) {
      this.out.put(K.noContentType);
      return false;
    }
    this.out.put(K.contentType);
    this.out.arena(exchange.arena, head.contentTypeStart, head.contentTypeEnd);
    return true;
  }

  private response(exchange: Exchange): void {
    const out = this.out;
    const head = exchange.response;
    const kept = head.offset >= 0;
    out.put(K.status);
    out.number(head.status);
    out.put(K.reason);
    if (kept) out.arena(exchange.arena, head.reasonStart, head.reasonEnd);
    out.put(K.fields);
    if (kept) out.arena(exchange.arena, head.fieldsStart, head.fieldsEnd);
    out.put(K.headerBytes);
    out.number(head.wireLength);
    out.put(K.bodyBytes);
    out.number(exchange.responseBodyBytes);
    if (this.contentType(exchange, head)) out.octet(34);
    this.extras(exchange, false);
    out.octet(125);
  }

  private extras(exchange: Exchange, request: boolean): void {
    const trailers = request ? exchange.requestTrailers : exchange.responseTrailers;
    if (trailers !== null) this.out.text(`,"trailers":[${trailers}]`);
    if ((request ? exchange.requestBody : exchange.responseBody) === null) return;
    const body = this.renderBody(exchange, request);
    if (body !== null) this.out.text(`,"body":${body}`);
  }

  private tail(exchange: Exchange): void {
    const out = this.out;
    const answered = exchange.requestSeen && exchange.responseSeen;
    out.put(K.outcomes[exchange.outcome]);
    this.span(answered, exchange.requestStart, exchange.responseStart);
    out.put(K.total);
    this.span(answered && exchange.responseComplete, exchange.requestStart, exchange.responseEnd);
    out.put(K.upload);
    this.span(exchange.requestSeen && exchange.requestComplete, exchange.requestStart, exchange.requestEnd);
    out.put(K.think);
    this.span(answered && exchange.requestComplete, exchange.requestEnd, exchange.responseStart);
    out.put(K.bytesIn);
    out.number(exchange.wireIn);
    out.put(K.bytesOut);
    out.number(exchange.wireOut);
    out.put(K.againIn);
    out.number(exchange.retransmittedIn);
    out.put(K.againOut);
    out.number(exchange.retransmittedOut);
    out.put(K.firstIn);
    out.number(exchange.firstPacketIn);
    out.put(K.firstOut);
    out.number(exchange.firstPacketOut);
    this.process(exchange.flow);
    this.kernel(exchange);
    out.put(exchange.midstream ? K.midstream : K.notMidstream);
    out.number(exchange.gapBytes);
    out.put(exchange.truncated ? K.truncated : K.notTruncated);
    if (exchange.anomalies !== null) out.text(exchange.anomalies.map((code) => `"${code}"`).join(","));
    out.put(K.end);
  }

  /** Milliseconds with up to three digits. */
  private span(known: boolean, from: number, to: number): void {
    if (!known || from === NEVER || to === NEVER || to < from) this.out.put(K.nothing);
    else this.out.thousandths(to - from);
  }

  private process(flow: Flow): void {
    const out = this.out;
    if (flow.clientProcess === null && flow.serverProcess === null) {
      out.put(K.noProcess);
      return;
    }
    if (this.processFlow !== flow || this.processVersion !== flow.ownerVersion) {
      this.processText = JSON.stringify({ client: flow.clientProcess, server: flow.serverProcess });
      this.processFlow = flow;
      this.processVersion = flow.ownerVersion;
    }
    out.put(K.process);
    out.text(this.processText);
    out.put(K.kernel);
  }

  private kernel(exchange: Exchange): void {
    const { kernelRequestWait, kernelProcess, kernelResponseWait } = exchange;
    if (kernelRequestWait < 0 && kernelProcess < 0 && kernelResponseWait < 0) {
      this.out.put(K.nothing);
      return;
    }
    const milliseconds = (time: number) => (time < 0 ? null : time / 1000);
    this.out.text(
      JSON.stringify({
        request_wait: milliseconds(kernelRequestWait),
        process: milliseconds(kernelProcess),
        response_wait: milliseconds(kernelResponseWait),
      }),
    );
  }
}
