/**
 * Writes exchanges as lines of JSON (docs/events.md) straight from their kept text into one buffer of octets: no
 * strings, no objects. The same text as `JSON.stringify` of the event, which a test holds it to.
 */
import { formatAddress, isIpv4 } from "../../core/address.ts";
import { type Exchange, type ExchangeListener, type KeptHead, NEVER } from "../../core/exchange.ts";
import type { Flow } from "../../core/flow.ts";
import { formatTime, SECOND } from "../../core/units.ts";
import { type LineBuffer, text } from "./line-buffer.ts";

const K = {
  timeUs: text('Z","time_us":'),
  id: text(',"id":"'),
  flow: text('","flow":{"id":'),
  client: text(',"client":{"ip":"'),
  port: text('","port":'),
  server: text('},"server":{"ip":"'),
  bareFlow: text('},"interface":null,"vlan":null,"encapsulation":null}'),
  interface: text('},"interface":'),
  vlan: text(',"vlan":'),
  encapsulation: text(',"encapsulation":'),
  depth: text(',"depth":'),
  version: text(',"http":{"version":"'),
  version11: text(',"http":{"version":"1.1","upgrade":null},"request":'),
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
  noneAgain: text(',"in_retransmitted":0,"out_retransmitted":0,"in_first_packet":'),
  firstOut: text(',"out_first_packet":'),
  noProcess: text('},"process":{"client":null,"server":null},"kernel_ms":'),
  process: text('},"process":'),
  kernel: text(',"kernel_ms":'),
  midstream: text(',"quality":{"midstream":true,"gap_bytes":'),
  notMidstream: text(',"quality":{"midstream":false,"gap_bytes":'),
  truncated: text(',"truncated":true},"anomalies":['),
  notTruncated: text(',"truncated":false},"anomalies":['),
  end: text("]}\n"),
  plainEnd: text(
    '},"process":{"client":null,"server":null},"kernel_ms":null,"quality":{"midstream":false,"gap_bytes":0,' +
      '"truncated":false},"anomalies":[]}\n',
  ),
};

/** Extras that are rare and costly: made as text by whoever knows how (transaction/materialize.ts). */
export type RenderBody = (exchange: Exchange, request: boolean) => string | null;

export class JsonWriter implements ExchangeListener {
  readonly out: LineBuffer;
  private readonly renderBody: RenderBody;
  private second = -1;
  /** A line up to the fraction of the second. */
  private prefix = text("");
  private interfaceName: string | null = null;
  private interfaceText = text("");
  /** Number of the flow whose processes `processText` has: flow objects serve one flow after the other. */
  private processFlow = 0;
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
    this.beginLine(time);
    out.put(K.timeUs);
    out.number(time);
    out.put(K.id);
    out.number(exchange.flow.id);
    out.octet(46);
    out.number(exchange.depth);
    out.put(K.flow);
    this.flow(exchange.flow);
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

  /** `{"type":"transaction","time":"2026-01-31T10:20:30.123456`: all but the last six digits repeats. */
  private beginLine(time: number): void {
    const second = Math.floor(time / SECOND);
    if (second !== this.second) {
      this.prefix = text(`{"type":"transaction","time":"${formatTime(time).slice(0, 20)}`);
      this.second = second;
    }
    this.out.put(this.prefix);
    this.out.sixDigits(time - second * SECOND);
  }

  /** Client first; when nobody told who that is, the sender of the first packet stands for it. */
  private flow(flow: Flow): void {
    const out = this.out;
    const swapped = flow.clientHalf === 1;
    out.number(flow.id);
    out.put(K.client);
    this.endpoint(flow, !swapped);
    out.put(K.server);
    this.endpoint(flow, swapped);
    if (flow.interfaceName === null && flow.vlan < 0 && flow.encapsulation === null) {
      out.put(K.bareFlow);
      return;
    }
    out.put(K.interface);
    if (flow.interfaceName === null) out.put(K.nothing);
    else this.interface(flow.interfaceName);
    out.put(K.vlan);
    if (flow.vlan < 0) out.put(K.nothing);
    else out.number(flow.vlan);
    out.put(K.encapsulation);
    out.text(JSON.stringify(flow.encapsulation));
    out.octet(125);
  }

  private endpoint(flow: Flow, source: boolean): void {
    const out = this.out;
    const word0 = source ? flow.source0 : flow.destination0;
    const word1 = source ? flow.source1 : flow.destination1;
    const word2 = source ? flow.source2 : flow.destination2;
    const word3 = source ? flow.source3 : flow.destination3;
    if (isIpv4(word0, word1, word2)) {
      out.number(word3 >>> 24);
      out.octet(46);
      out.number((word3 >>> 16) & 255);
      out.octet(46);
      out.number((word3 >>> 8) & 255);
      out.octet(46);
      out.number(word3 & 255);
    } else out.ascii(formatAddress(word0, word1, word2, word3));
    out.put(K.port);
    out.number(source ? flow.sourcePort : flow.destinationPort);
  }

  /** Nearly all flows are of one interface. */
  private interface(name: string): void {
    if (name !== this.interfaceName) {
      this.interfaceText = text(JSON.stringify(name));
      this.interfaceName = name;
    }
    this.out.put(this.interfaceText);
  }

  private version(exchange: Exchange): void {
    const out = this.out;
    const version = exchange.version;
    if (version === 11 && exchange.upgrade === "") {
      out.put(K.version11);
      return;
    }
    out.put(K.version);
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
    if (kept) out.kept(head.methodStart, head.methodEnd);
    out.put(K.target);
    if (kept) out.kept(head.targetStart, head.targetEnd);
    if (kept && head.hostStart >= 0) {
      out.put(K.host);
      out.kept(head.hostStart, head.hostEnd);
      out.octet(34);
    } else out.put(K.noHost);
    this.pathAndQuery(exchange, kept);
    if (kept) out.kept(head.fieldsStart, head.fieldsEnd);
    out.put(K.headerBytes);
    out.number(head.wireLength);
    out.put(K.bodyBytes);
    out.number(exchange.requestBodyBytes);
    const typed = this.contentType(head);
    if (kept && head.userAgentStart >= 0) {
      out.put(typed ? K.userAgent : K.agentAfterNull);
      out.kept(head.userAgentStart, head.userAgentEnd);
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
    if (!kept || head.pathStart < 0) {
      out.put(K.noPath);
      out.put(K.noPathNoQuery);
      return;
    }
    out.put(K.pathAfterNull);
    out.kept(head.pathStart, head.pathEnd);
    if (head.queryStart < 0) out.put(K.noQuery);
    else {
      out.put(K.query);
      out.kept(head.queryStart, head.targetEnd);
      out.put(K.fields);
    }
  }

  /** True when there is one; its closing quote is left to the caller. */
  private contentType(head: KeptHead): boolean {
    if (head.offset < 0 || head.contentTypeStart < 0) {
      this.out.put(K.noContentType);
      return false;
    }
    this.out.put(K.contentType);
    this.out.kept(head.contentTypeStart, head.contentTypeEnd);
    return true;
  }

  private response(exchange: Exchange): void {
    const out = this.out;
    const head = exchange.response;
    const kept = head.offset >= 0;
    out.put(K.status);
    out.number(head.status);
    out.put(K.reason);
    if (kept) out.kept(head.reasonStart, head.reasonEnd);
    out.put(K.fields);
    if (kept) out.kept(head.fieldsStart, head.fieldsEnd);
    out.put(K.headerBytes);
    out.number(head.wireLength);
    out.put(K.bodyBytes);
    out.number(exchange.responseBodyBytes);
    if (this.contentType(head)) out.octet(34);
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
    if (exchange.retransmittedIn === 0 && exchange.retransmittedOut === 0) out.put(K.noneAgain);
    else {
      out.put(K.againIn);
      out.number(exchange.retransmittedIn);
      out.put(K.againOut);
      out.number(exchange.retransmittedOut);
      out.put(K.firstIn);
    }
    out.number(exchange.firstPacketIn);
    out.put(K.firstOut);
    out.number(exchange.firstPacketOut);
    if (isPlain(exchange)) {
      out.put(K.plainEnd);
      return;
    }
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
    if (this.processFlow !== flow.id || this.processVersion !== flow.ownerVersion) {
      this.processText = JSON.stringify({ client: flow.clientProcess, server: flow.serverProcess });
      this.processFlow = flow.id;
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

/** Nothing is known of it but what the wire said, and nothing is wrong with it. */
function isPlain(exchange: Exchange): boolean {
  const { flow } = exchange;
  return (
    flow.clientProcess === null &&
    flow.serverProcess === null &&
    exchange.kernelRequestWait < 0 &&
    exchange.kernelProcess < 0 &&
    exchange.kernelResponseWait < 0 &&
    !exchange.midstream &&
    exchange.gapBytes === 0 &&
    !exchange.truncated &&
    exchange.anomalies === null
  );
}
