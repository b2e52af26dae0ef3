/**
 * Everything that removes secrets, made from one set of options. The parser uses `head` on wire bytes; bodies, command
 * lines and texts go through the rest. `event` is the net under it all: for events that plug-ins made, and for outputs
 * that want to be sure. Redacting what is redacted changes nothing.
 */
import type {
  AlertEvent,
  Body,
  EarshotEvent,
  Fields,
  RequestInfo,
  ResponseInfo,
  TransactionEvent,
} from "../core/event.ts";
import type { ProcessInfo } from "../core/process.ts";
import { ArgumentRedactor } from "./arguments.ts";
import { BodyRedactor } from "./body.ts";
import { HeadRedactor } from "./head.ts";
import { Marker } from "./mark.ts";
import { NameRules } from "./names.ts";
import type { RedactOptions } from "./schema.ts";
import { TextRedactor } from "./text.ts";

interface Parts {
  readonly head: HeadRedactor;
  readonly texts: TextRedactor;
  readonly bodies: BodyRedactor;
  readonly commandLines: ArgumentRedactor;
}

function partsOf(options: RedactOptions): Parts {
  const rules = new NameRules(options);
  const marker = new Marker(options.hash_key ?? null);
  const head = new HeadRedactor(options);
  const texts = new TextRedactor(rules, marker, head);
  return {
    head,
    texts,
    bodies: new BodyRedactor(rules, marker, head, texts),
    commandLines: new ArgumentRedactor(rules, marker, head, texts),
  };
}

export class Redactor {
  /** True when nothing is redacted: the header line of every output must say so. */
  readonly reveal: boolean;
  private parts: Parts;

  constructor(options: RedactOptions = {}) {
    this.reveal = options.reveal ?? false;
    this.parts = partsOf(options);
  }

  /** Another after `reconfigure`: whoever keeps it must be told. */
  get head(): HeadRedactor {
    return this.parts.head;
  }

  /** Other names and another key from now on; whether everything is shown stays as it is. */
  reconfigure(options: Omit<RedactOptions, "reveal">): void {
    this.parts = partsOf({ ...options, reveal: this.reveal });
  }

  // functions of their own, so that they can be handed on without this object

  /** Text of no known grammar: messages, labels, log lines. */
  readonly text = (text: string): string => (this.reveal ? text : this.parts.texts.redact(text));

  /** The kept beginning of a body. For one that is not text: pass its bytes as latin-1 and encode what comes back. */
  readonly body = (text: string, contentType: string | null): string =>
    this.reveal ? text : this.parts.bodies.redact(text, contentType);

  /** A command line, the program first. */
  readonly arguments = (args: readonly string[]): string[] =>
    this.reveal ? [...args] : this.parts.commandLines.redact(args);

  event<Event extends EarshotEvent>(event: Event): Event;
  event(event: EarshotEvent): EarshotEvent {
    if (this.reveal) return event;
    if (event.type === "transaction") return this.transaction(event);
    if (event.type === "alert") return this.alert(event);
    return { ...event, process: this.processes(event.process), ...this.labels(event) };
  }

  private transaction(event: TransactionEvent): TransactionEvent {
    return {
      ...event,
      request: event.request && this.request(event.request),
      response: event.response && this.response(event.response),
      process: this.processes(event.process),
      ...this.labels(event),
    };
  }

  private request(request: RequestInfo): RequestInfo {
    const { head } = this;
    return {
      ...request,
      target: head.targetText(request.target),
      host: request.host && head.targetText(request.host),
      path: request.path && head.targetText(request.path),
      query: request.query && head.targetText(`?${request.query}`).slice(1),
      ...this.message(request),
    };
  }

  private response(response: ResponseInfo): ResponseInfo {
    return { ...response, ...this.message(response) };
  }

  private message(message: RequestInfo | ResponseInfo): { fields: Fields; trailers?: Fields; body?: Body } {
    const result: { fields: Fields; trailers?: Fields; body?: Body } = { fields: this.fields(message.fields) };
    if (message.trailers !== undefined) result.trailers = this.fields(message.trailers);
    if (message.body !== undefined) result.body = this.keptBody(message.body, message.content_type);
    return result;
  }

  private fields(fields: Fields): Fields {
    return fields.map(([name, value]) => [name, this.head.fieldText(name, value)] as const);
  }

  private keptBody(body: Body, contentType: string | null): Body {
    if (body.encoding === "utf-8") return { ...body, text: this.body(body.text, contentType) };
    const bytes = Buffer.from(body.text, "base64").toString("latin1");
    return { ...body, text: Buffer.from(this.body(bytes, contentType), "latin1").toString("base64") };
  }

  private processes<Info extends TransactionEvent["process"]>(process: Info): Info {
    return { ...process, client: this.process(process.client), server: this.process(process.server) };
  }

  private process(process: ProcessInfo | null): ProcessInfo | null {
    return process?.args === undefined ? process : { ...process, args: this.arguments(process.args) };
  }

  private labels(event: EarshotEvent): { labels?: Readonly<Record<string, string>> } {
    return event.labels === undefined ? {} : { labels: this.record(event.labels) };
  }

  private record(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, this.text(value)]));
  }

  private alert(event: AlertEvent): AlertEvent {
    return {
      ...event,
      summary: this.text(event.summary),
      group: event.group && this.text(event.group),
      contributors: event.contributors.map((one) => ({ ...one, key: this.text(one.key) })),
      ...this.labels(event),
      ...(event.annotations === undefined ? {} : { annotations: this.record(event.annotations) }),
    };
  }
}
