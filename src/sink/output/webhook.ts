/**
 * Sends each record as the body of one HTTP POST, as Tracee's webhook does; unlike it, tries again, when the receiver
 * says so (RFC 9110 section 10.2.3), and can sign what it sends.
 */
import { crypto } from "../../core/on-demand.ts";
import { Refused, type Sender, TryLater } from "./queued-sender.ts";
import type { WebhookSpec } from "./spec.ts";

/** A few at a time, so that a far receiver keeps up; records carry their time, so their order can be restored. */
const PARALLEL = 4;

export interface WebhookOptions {
  readonly parallel?: number;
  /** Signs each body: `x-earshot-signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of `SECONDS.BODY`. */
  readonly secret?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export class WebhookSender implements Sender {
  readonly batch = 1;
  readonly parallel: number;
  private readonly secret: string | null;
  private readonly url: string;
  private readonly fields: Record<string, string>;
  private readonly timeout: number;

  constructor(spec: Pick<WebhookSpec, "url" | "content_type" | "timeout_ms">, options: WebhookOptions = {}) {
    const url = new URL(spec.url);
    this.parallel = options.parallel ?? PARALLEL;
    this.secret = options.secret ?? null;
    this.fields = { ...options.headers, "content-type": spec.content_type };
    if (url.username !== "" || url.password !== "") {
      const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.fields["authorization"] = `Basic ${Buffer.from(userinfo).toString("base64")}`;
      url.username = url.password = "";
    }
    this.url = url.href;
    this.timeout = spec.timeout_ms;
  }

  async send(records: readonly string[], signal: AbortSignal): Promise<void> {
    const response = await this.post(records[0], signal);
    await response.body?.cancel();
    if (response.ok) return;
    const again = response.status >= 500 || response.status === 429 || response.status === 408;
    const message = `the webhook answered ${response.status}`;
    if (!again) throw new Refused(message);
    const wait_ms = retryAfter(response.headers.get("retry-after"));
    throw wait_ms === null ? new Error(message) : new TryLater(message, wait_ms);
  }

  private async post(record: string, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(this.url, {
        method: "POST",
        headers: this.secret === null ? this.fields : { ...this.fields, ...signature(this.secret, record) },
        body: record,
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.timeout)]),
      });
    } catch (error) {
      // `fetch failed` says nothing; what is behind it does
      const { message, cause } = error as Error;
      throw new Error(`the webhook cannot be reached: ${cause instanceof Error ? cause.message : message}`, { cause });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function signature(secret: string, body: string): Record<string, string> {
  const seconds = Math.floor(Date.now() / 1000);
  const digest = crypto().createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return { "x-earshot-signature": `t=${seconds},v1=${digest}` };
}

/** Milliseconds that a Retry-After field asks for; null when it is not there or says nothing. */
function retryAfter(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d{1,6}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
