/**
 * Writes any exchange as a line of JSON (docs/events.md) straight from its kept text into a buffer of octets: no strings,
 * no objects. The same text as `JSON.stringify` of the event, which a test holds it to.
 */
import { formatAddress, isIpv4 } from "../../core/address.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Flow } from "../../core/flow.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { NEVER, SECOND } from "../../core/units.ts";
import { type LineBuffer, type Text, text } from "./line-buffer.ts";
import { flowEnd, linePrefix } from "./line-pieces.ts";
import { MessageText, type RenderBody } from "./text-message.ts";

const K = {
  timeUs: text('Z","time_us":'),
  id: text(',"id":"'),
  flow: text('","flow":{"id":'),
  client: text(',"client":{"ip":"'),
  port: text('","port":'),
  server: text('},"server":{"ip":"'),
  depth: text(',"depth":'),
  version: text(',"http":{"version":"'),
  version11: text(',"http":{"version":"1.1","upgrade":null},"request":'),
  noUpgrade: text('","upgrade":null},"request":'),
  upgrade: text('","upgrade":"'),
  upgradeEnd: text('"},"request":'),
  nothing: text("null"),
  response: text(',"response":'),
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
  processClient: text('},"process":{"client":'),
  processServer: text(',"server":'),
  kernel: text('},"kernel_ms":'),
  requestWait: text('{"request_wait":'),
  processWork: text(',"process":'),
  responseWait: text(',"response_wait":'),
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

const CLOSING_BRACE = 125;

export class TextLine {
  private readonly out: LineBuffer;
  private readonly messages: MessageText;
  private second = -1;
  /** A line up to the fraction of the second. */
  private prefix = text("");
  /** What `flowEndText` was made of. */
  private interfaceName: string | null = null;
  private vlan = Number.NaN;
  private encapsulation: string | null = null;
  private flowEndText = "";
  /** A process is met again in many flows, and replaced when more is known of it: made once for each such object. */
  private readonly processes = new WeakMap<ProcessInfo, Uint8Array>();

  constructor(out: LineBuffer, renderBody: RenderBody) {
    this.out = out;
    this.messages = new MessageText(out, renderBody);
  }

  /** Room for it is made. */
  write(exchange: Exchange): void {
    const out = this.out;
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
    if (exchange.requestSeen) this.messages.request(exchange);
    else out.put(K.nothing);
    out.put(K.response);
    if (exchange.responseSeen) this.messages.response(exchange);
    else out.put(K.nothing);
    this.tail(exchange);
  }

  /** `{"type":"transaction","time":"2026-01-31T10:20:30.123456`: all but the last six digits repeats. */
  private beginLine(time: number): void {
    const second = Math.floor(time / SECOND);
    if (second !== this.second) {
      this.prefix = text(linePrefix(time));
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
    this.flowEnd(flow);
  }

  /** Nearly all flows are of one interface. */
  private flowEnd(flow: Flow): void {
    const { interfaceName, vlan, encapsulation } = flow;
    if (interfaceName !== this.interfaceName || vlan !== this.vlan || encapsulation !== this.encapsulation) {
      this.flowEndText = flowEnd(flow);
      this.interfaceName = interfaceName;
      this.vlan = vlan;
      this.encapsulation = encapsulation;
    }
    this.out.text(this.flowEndText);
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
    out.put(K.processClient);
    this.processAt(flow.clientProcess);
    out.put(K.processServer);
    this.processAt(flow.serverProcess);
    out.put(K.kernel);
  }

  private processAt(info: ProcessInfo | null): void {
    if (info === null) {
      this.out.put(K.nothing);
      return;
    }
    let octets = this.processes.get(info);
    if (octets === undefined) {
      octets = Buffer.from(JSON.stringify(info));
      this.processes.set(info, octets);
    }
    this.out.made(octets);
  }

  private kernel(exchange: Exchange): void {
    const { kernelRequestWait, kernelProcess, kernelResponseWait } = exchange;
    if (kernelRequestWait < 0 && kernelProcess < 0 && kernelResponseWait < 0) {
      this.out.put(K.nothing);
      return;
    }
    this.kernelTime(K.requestWait, kernelRequestWait);
    this.kernelTime(K.processWork, kernelProcess);
    this.kernelTime(K.responseWait, kernelResponseWait);
    this.out.octet(CLOSING_BRACE);
  }

  /** Microseconds; negative where not known. */
  private kernelTime(name: Text, time: number): void {
    this.out.put(name);
    if (time < 0) this.out.put(K.nothing);
    else if (Number.isInteger(time)) this.out.thousandths(time);
    else this.out.text(String(time / 1000));
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
