/** Writes exchanges as lines of JSON (docs/events.md), by the kernel where it can. */
import type { Exchange, ExchangeListener } from "../../core/exchange.ts";
import { writeByKernel } from "./kernel-line.ts";
import type { LineBuffer } from "./line-buffer.ts";
import { TextLine } from "./text-line.ts";
import type { RenderBody } from "./text-message.ts";

/** Room for everything in a line but the two heads. */
const REST_BYTES = 8192;

export class JsonWriter implements ExchangeListener {
  readonly out: LineBuffer;
  private readonly text: TextLine;

  constructor(out: LineBuffer, renderBody: RenderBody) {
    this.out = out;
    this.text = new TextLine(out, renderBody);
  }

  exchange(exchange: Exchange): void {
    const out = this.out;
    // parts of the request's head stand twice in a line
    const address = out.begin(exchange.request.kept * 2 + exchange.response.kept + REST_BYTES);
    const end = address < 0 ? -1 : writeByKernel(exchange, address);
    if (end >= 0) out.written(end - address);
    else this.text.write(exchange);
    out.end();
  }
}
