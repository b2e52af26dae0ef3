/** TLS as a Protocol: finds itself on any port, in either direction, and behind the openings of other protocols. */
import { Budget, WAITING_BYTES } from "../../core/budget.ts";
import type { Flow, HalfIndex } from "../../core/flow.ts";
import type { Detection, Protocol } from "../../core/protocol.ts";
import { CertificateMemory } from "./certificate.ts";
import { TlsConnection, type TlsOptions } from "./connection.ts";
import { findClientHello, isHello } from "./signature.ts";

export class TlsProtocol implements Protocol {
  readonly name = "tls";
  private readonly options: TlsOptions;
  private readonly memory = new CertificateMemory();
  private readonly budget: Budget;

  constructor(options: TlsOptions) {
    this.options = options;
    this.budget = options.budget ?? new Budget(WAITING_BYTES);
  }

  detect(bytes: Uint8Array, start: number, end: number): Detection {
    return isHello(bytes, start, end);
  }

  search(bytes: Uint8Array, start: number, end: number): number {
    return findClientHello(bytes, start, end);
  }

  open(flow: Flow, from: HalfIndex): TlsConnection {
    return new TlsConnection(flow, from, this.options, this.memory, this.budget);
  }
}
