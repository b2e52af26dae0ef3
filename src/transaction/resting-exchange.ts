/** An open exchange as numbers, while its flow rests (core/rest.ts). */
import type { Exchange } from "../core/exchange.ts";
import type { Flow } from "../core/flow.ts";
import type { RestRecord } from "../core/rest.ts";

/** Writes all there is to know of it as numbers, while its flow rests; false when there is more. */
export function restExchange(exchange: Exchange, record: RestRecord): boolean {
  if (!exchange.isPlain) return false;
  record.putInt(exchange.depth);
  record.putInt(exchange.flags);
  record.putInt(exchange.version | (exchange.method << 8) | (exchange.status << 16));
  record.putInt(exchange.firstPacketIn);
  record.putInt(exchange.firstPacketOut);
  record.putInt(exchange.requestLength);
  record.putInt(exchange.responseLength);
  record.putInt(exchange.requestBlock);
  record.putInt(exchange.responseBlock);
  record.putInt(exchange.requestAcknowledgment);
  record.putFloat(exchange.requestStart);
  record.putFloat(exchange.requestEnd);
  record.putFloat(exchange.responseStart);
  record.putFloat(exchange.responseEnd);
  record.putFloat(exchange.requestBodyBytes);
  record.putFloat(exchange.responseBodyBytes);
  record.putFloat(exchange.wireIn);
  record.putFloat(exchange.wireOut);
  return true;
}

/** Makes it the exchange that was written. */
export function wakeExchange(exchange: Exchange, flow: Flow, record: RestRecord): void {
  exchange.blank(flow);
  exchange.depth = record.takeInt();
  exchange.flags = record.takeInt();
  const packed = record.takeInt();
  exchange.version = packed & 255;
  exchange.method = ((packed >> 8) & 3) as 0 | 1 | 2;
  exchange.status = packed >>> 16;
  exchange.firstPacketIn = record.takeInt();
  exchange.firstPacketOut = record.takeInt();
  exchange.requestLength = record.takeInt();
  exchange.responseLength = record.takeInt();
  exchange.requestBlock = record.takeInt();
  exchange.responseBlock = record.takeInt();
  exchange.requestAcknowledgment = record.takeInt();
  exchange.requestStart = record.takeFloat();
  exchange.requestEnd = record.takeFloat();
  exchange.responseStart = record.takeFloat();
  exchange.responseEnd = record.takeFloat();
  exchange.requestBodyBytes = record.takeFloat();
  exchange.responseBodyBytes = record.takeFloat();
  exchange.wireIn = record.takeFloat();
  exchange.wireOut = record.takeFloat();
}
