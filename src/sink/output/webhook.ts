/** Sends each record as the body of one HTTP POST, as Tracee's webhook does; unlike it, tries again. */
import { Refused, type Sender } from "./queued-sender.ts";
import type { WebhookSpec } from "./spec.ts";

/** A few at a time, so that a far receiver keeps up; records carry their time, so their order can be restored. */
const PARALLEL = 4;

export class WebhookSender implements Sender {
  readonly batch = 1;
  readonly parallel = PARALLEL;
  private readonly url: string;
  private readonly fields: Record<string, string>;
  private readonly timeout: number;

  constructor(spec: WebhookSpec) {
    const url = new URL(spec.url);
    this.fields = { "content-type": spec.content_type };
    if (url.username !== "" || url.password !== "") {
      const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.fields["authorization"] = `Basic ${Buffer.from(userinfo).toString("base64")}`;
      url.username = url.password = "";
    }
    this.url = url.href;
    this.timeout = spec.timeout_ms;
  }

  async send(records: readonly string[], signal: AbortSignal): Promise<void> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: this.fields,
      body: records[0],
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.timeout)]),
    });
    await response.body?.cancel();
    if (response.ok) return;
    const again = response.status >= 500 || response.status === 429 || response.status === 408;
    const message = `the webhook answered ${response.status}`;
    throw again ? new Error(message) : new Refused(message);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
