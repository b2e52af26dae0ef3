/** The parts of a line that a request and a response make: kept text between constant pieces. */
import type { Exchange } from "../../core/exchange.ts";
import type { KeptHead } from "../../core/kept-head.ts";
import { type LineBuffer, text } from "./line-buffer.ts";

const K = {
  method: text('{"method":"'),
  target: text('","target":"'),
  host: text('","host":"'),
  noHost: text('","host":null'),
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
  status: text('{"status":'),
  reason: text(',"reason":"'),
};

/** Extras that are rare and costly: made as text by whoever knows how (transaction/materialize.ts). */
export type RenderBody = (exchange: Exchange, request: boolean) => string | null;

export class MessageText {
  private readonly out: LineBuffer;
  private readonly renderBody: RenderBody;

  constructor(out: LineBuffer, renderBody: RenderBody) {
    this.out = out;
    this.renderBody = renderBody;
  }

  request(exchange: Exchange): void {
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

  response(exchange: Exchange): void {
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
}
