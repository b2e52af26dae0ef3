/**
 * Notifiers: sinks that take alert records only, choose those that people want to hear of, and hand them to a bounded
 * queue in front of a receiver. What a slow or failing receiver loses is counted (`Ledger.sinkDropped`).
 */
import type { AlertEvent, EarshotEvent } from "../../core/event.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Sink } from "../../core/roles.ts";
import type { Destination } from "../output/destination.ts";
import { openDestination } from "../output/open.ts";
import { QueuedSender, type Sender } from "../output/queued-sender.ts";
import { NodeStreamWriter } from "../output/stdout.ts";
import { StreamDestination } from "../output/stream-destination.ts";
import { WebhookSender } from "../output/webhook.ts";
import { emailMessage, sendmailCommand } from "./email.ts";
import { alertmanagerPayload, consoleLine, jsonLine, slackPayload } from "./format.ts";
import { ProgramSender } from "./program.ts";
import type { NotifierConfig } from "./schema.ts";
import { SyslogStreamSender, SyslogUdpSender, syslogMessage } from "./syslog.ts";

/** Alerts of which a notifier remembers what it told. */
const TOLD_LIMIT = 2000;
const RANK = { info: 0, warning: 1, critical: 2 } as const;

export interface NotifierOptions {
  readonly ledger: Ledger;
  /** Removes secrets; applied to every record before anything else sees it. */
  readonly redact: (event: AlertEvent) => AlertEvent;
  /** Compiles the notifier's filter. */
  readonly compile?: (filter: string) => (event: EarshotEvent) => boolean;
  /** A receiver began to fail: told once, and again only after it worked in between. */
  readonly onFailure?: (notifier: string, error: Error) => void;
  /** Pause before the second try. */
  readonly pause_ms?: number;
  /** Time that `close` gives to what waits. */
  readonly close_timeout_ms?: number;
}

/** A receiver, and the text it takes. */
interface Channel {
  readonly destination: Destination;
  format(event: AlertEvent): string;
}

export class Notifier implements Sink {
  readonly name: string;
  readonly config: NotifierConfig;
  readonly #channel: Channel;
  readonly #redact: (event: AlertEvent) => AlertEvent;
  readonly #matches: ((event: EarshotEvent) => boolean) | null;
  /** Severity last told of each alert that is open. */
  readonly #told = new Map<string, AlertEvent["severity"]>();

  /** Throws Trouble on a wrong filter or a file that cannot be opened. */
  constructor(config: NotifierConfig, options: NotifierOptions) {
    this.config = config;
    this.name = config.name ?? defaultName(config);
    this.#redact = options.redact;
    if (config.filter !== null && options.compile === undefined)
      throw new Error("Notifier: filters need options.compile");
    this.#matches =
      config.filter === null ? null : (options.compile as NonNullable<typeof options.compile>)(config.filter);
    this.#channel = openChannel(config, this.name, options);
  }

  write(event: EarshotEvent): void {
    if (event.type !== "alert" || !this.#wanted(event)) return;
    this.#send(event);
  }

  /** Sends whatever the record is: for `alerts test`. */
  force(event: AlertEvent): void {
    this.#send(event);
  }

  async close(): Promise<void> {
    await this.#channel.destination.close();
  }

  #send(event: AlertEvent): void {
    this.#channel.destination.record(this.#channel.format(this.#redact(event)));
  }

  #wanted(event: AlertEvent): boolean {
    const { states, severity } = this.config;
    if (!states.includes(event.state)) return false;
    // the end of what was told is told, whatever happened since; what was told before a restart is not known here
    if (event.state === "resolved") return this.#told.delete(event.id) || this.#begins(event, severity);
    if (!this.#begins(event, severity)) return false;
    if (event.state !== "firing") {
      if (event.state === "flapping" || event.state === "no-data") this.#remember(event);
      return true;
    }
    if (this.config.kind === "json") return true;
    // firing again, or still: told once for each severity
    const told = this.#told.get(event.id);
    this.#remember(event);
    return told === undefined || RANK[event.severity] > RANK[told];
  }

  #begins(event: AlertEvent, least: AlertEvent["severity"]): boolean {
    if (event.labels?.["silenced"] !== undefined) return false;
    // who acknowledged was told, before a restart perhaps: the end is told all the same
    if (event.labels?.["acknowledged"] !== undefined && event.state !== "resolved") return false;
    return RANK[event.severity] >= RANK[least] && (this.#matches === null || this.#matches(event));
  }

  #remember(event: AlertEvent): void {
    this.#told.delete(event.id);
    this.#told.set(event.id, event.severity);
    if (this.#told.size > TOLD_LIMIT) for (const oldest of this.#told.keys()) return void this.#told.delete(oldest);
  }
}

function defaultName(config: NotifierConfig): string {
  switch (config.kind) {
    case "webhook":
    case "slack":
    case "alertmanager":
      // only the host: the rest of such a URL is often the secret
      return `notify:${config.kind}:${new URL(config.url).host}`;
    case "syslog":
      return `notify:syslog:${config.transport === "unix" ? (config.path ?? "/dev/log") : `${config.host}:${config.port}`}`;
    case "json":
      return `notify:json:${config.path}`;
    default:
      return `notify:${config.kind}`;
  }
}

function openChannel(config: NotifierConfig, name: string, options: NotifierOptions): Channel {
  const onFailure = (error: Error) => options.onFailure?.(name, error);
  const { ledger, pause_ms, close_timeout_ms } = options;
  const queued = (sender: Sender): Destination =>
    new QueuedSender(sender, {
      name,
      ledger,
      drop: true,
      attempts: config.attempts,
      limit_records: config.queue,
      pause_ms,
      close_timeout_ms,
      onFailure,
    });
  const stream = (to: NodeJS.WriteStream) =>
    new StreamDestination(new NodeStreamWriter(to), { name, ledger, drop: true, onFailure });
  const http = (target: { url: string; headers: Record<string, string> }, secret: string | null = null) =>
    queued(
      new WebhookSender(
        { url: target.url, content_type: "application/json", timeout_ms: config.timeout_s * 1000 },
        { parallel: 1, secret, headers: target.headers },
      ),
    );
  switch (config.kind) {
    case "console":
      return { destination: stream(config.to === "stdout" ? process.stdout : process.stderr), format: consoleLine };
    case "json":
      return {
        destination: config.path === "-" ? stream(process.stdout) : file(config.path, options, onFailure),
        format: jsonLine,
      };
    case "webhook":
      return { destination: http(config, config.secret), format: (event) => JSON.stringify(event) };
    case "slack":
      return { destination: http(config), format: slackPayload };
    case "alertmanager": {
      const url = config.url.replace(/\/+$/, "");
      const whole = url.endsWith("/api/v2/alerts") ? url : `${url}/api/v2/alerts`;
      return { destination: http({ ...config, url: whole }), format: (event) => alertmanagerPayload(event, config) };
    }
    case "syslog":
      return {
        destination: queued(config.transport === "udp" ? new SyslogUdpSender(config) : new SyslogStreamSender(config)),
        format: (event) => syslogMessage(event, config),
      };
    case "email":
      return {
        destination: queued(new ProgramSender(sendmailCommand(config), config.timeout_s * 1000)),
        format: (event) => emailMessage(event, config),
      };
    case "command":
      return {
        destination: queued(new ProgramSender(config.command, config.timeout_s * 1000)),
        format: (event) => `${jsonLine(event)}\n`,
      };
  }
}

function file(path: string, { ledger }: NotifierOptions, onFailure: (error: Error) => void): Destination {
  const destination = {
    kind: "file",
    path,
    rotate_bytes: null,
    rotate_age_s: null,
    keep: null,
    compress: false,
  } as const;
  return openDestination(
    { format: "notify:json", template: null, destination },
    { ledger, live: true, onFailure: (_, error) => onFailure(error) },
  );
}
