/**
 * The way of a packet: decode, flow table, protocol, exchange; and of an exchange to whoever listens. Everything here
 * is pure: a file and the live wire give the same exchanges. What needs the plain event gets it made once.
 */
import { protocols } from "../builtin.ts";
import { Budget, WAITING_BYTES } from "../core/budget.ts";
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Exchange, ExchangeListener } from "../core/exchange.ts";
import type { Flow } from "../core/flow.ts";
import type { HeadRedactor } from "../core/http.ts";
import type { Ledger } from "../core/ledger.ts";
import type { CaptureInterface, PacketHandler, RawPacket } from "../core/packet.ts";
import type { Protocol } from "../core/protocol.ts";
import type { Enricher } from "../core/roles.ts";
import { type Micros, NEVER } from "../core/units.ts";
import { Decoder, type DecoderOptions } from "../decode/decoder.ts";
import { type FlowIds, FlowTable } from "../flow/table.ts";
import { FirstOctets } from "../protocol/detect/selector.ts";
import type { RedactBody } from "../transaction/body.ts";
import { LentEvent } from "../transaction/lent-event.ts";
import { Materializer } from "../transaction/materialize.ts";
import { TransactionStage } from "../transaction/stage.ts";

/** Puts what the server's kernel tells into the exchange; where it does not tell, it stays unknown. */
function addKernelTimes(exchange: Exchange, enricher: Enricher): void {
  if (!exchange.requestSeen || !exchange.responseSeen || exchange.uncertain || exchange.interim) return;
  const { flow, requestStart, requestEnd, responseStart } = exchange;
  const times = enricher.kernelTimes!(flow, requestStart, requestEnd, responseStart);
  if (times === null) return;
  exchange.kernelRequestWait = times.requestWait ?? NEVER;
  exchange.kernelProcess = times.process ?? NEVER;
  exchange.kernelResponseWait = times.responseWait ?? NEVER;
}

/** Takes plain events. */
export type EventListener = (event: EarshotEvent) => void;

export interface PipelineOptions {
  readonly ledger: Ledger;
  /** Null shows everything as sent (`--reveal`). */
  readonly redactor: { readonly head: HeadRedactor; readonly body: RedactBody } | null;
  readonly maxFlows?: number;
  readonly maxAwake?: number;
  readonly flowIds?: FlowIds;
  readonly maxBodyBytes?: number;
  /** False when nobody looks at more than numbers. */
  readonly keepHeads?: boolean;
  readonly decoder?: DecoderOptions;
  readonly enrichers?: readonly Enricher[];
  /** Protocols beside the built-in ones; asked after them. */
  readonly protocols?: readonly Protocol[];
  readonly onInternalError?: (error: unknown) => void;
}

export class Pipeline implements PacketHandler, ExchangeListener {
  readonly ledger: Ledger;
  readonly decoder: Decoder;
  readonly flows: FlowTable;
  readonly materializer: Materializer;
  /** Hear of exchanges as they are, lent: the fast outputs. */
  private readonly exchangeListeners: ExchangeListener[] = [];
  private readonly eventListeners: EventListener[] = [];
  private readonly otherListeners: EventListener[] = [];
  private readonly lookers: EventListener[] = [];
  private readonly enrichers: readonly Enricher[];
  private readonly interfaces = new Map<number, CaptureInterface>();
  private readonly stage: TransactionStage;
  private readonly lent: LentEvent;
  /** An enricher adds to events: they must be made. */
  private readonly enriches: boolean;
  /** Decides before anything is made of an exchange; true keeps it. */
  private readonly gates: ((exchange: Exchange) => boolean)[] = [];
  readonly flowGates: ((flow: Flow) => void)[] = [];

  constructor(options: PipelineOptions) {
    this.ledger = options.ledger;
    this.enrichers = options.enrichers ?? [];
    this.materializer = new Materializer(options.redactor?.body ?? ((text) => text));
    this.lent = new LentEvent(this.materializer);
    this.enriches = this.enrichers.some((enricher) => enricher.enrich !== undefined);
    this.stage = new TransactionStage({
      ledger: options.ledger,
      listener: this,
      redactor: options.redactor?.head ?? null,
      keepHeads: options.keepHeads,
      maxBodyBytes: options.maxBodyBytes,
    });
    const outlet = {
      ledger: options.ledger,
      stage: this.stage,
      flowUsed: (flow: Flow) => {
        for (const enricher of this.enrichers) enricher.flowUsed?.(flow);
      },
      emit: (event: EarshotEvent) => this.publish(event),
    };
    const selectorOptions = {
      protocols: protocols(outlet, options.protocols ?? []),
      budget: new Budget(WAITING_BYTES, () => options.ledger.evict("protocol.waiting")),
    };
    const firstOctets = new FirstOctets(selectorOptions);
    this.flows = new FlowTable(this.ledger, {
      maxFlows: options.maxFlows,
      maxAwake: options.maxAwake,
      ids: options.flowIds,
      open: () => firstOctets,
      onOpened: (flow) => {
        for (const enricher of this.enrichers) enricher.flowOpened?.(flow);
      },
      onComment: (flow, from, { comment, direction }) => {
        for (const enricher of this.enrichers) enricher.flowComment?.(flow, comment!, direction, from);
      },
      interfaceName: (id) => this.interfaces.get(id)?.name ?? null,
      encapsulationName: (encapsulation) => this.decoder.encapsulationName(encapsulation),
      onInternalError: options.onInternalError,
    });
    this.decoder = new Decoder(this.ledger, this.flows, options.decoder);
  }

  onExchange(listener: ExchangeListener): void {
    this.exchangeListeners.push(listener);
  }

  /** `others` hears of what is no transaction only, so that transactions need not be made plain for it. */
  onEvent(listener: EventListener, which: "all" | "others" = "all"): void {
    this.otherListeners.push(listener);
    if (which === "all") this.eventListeners.push(listener);
  }

  /**
   * Hears of everything, and keeps nothing of an event but what it read from it: exchanges come lent
   * (transaction/lent-event.ts), so that none need be made plain for a listener that counts.
   */
  onLook(listener: EventListener): void {
    this.otherListeners.push(listener);
    this.lookers.push(listener);
  }

  /** Exchanges for which any gate is false are counted and not given out. */
  addGate(gate: (exchange: Exchange) => boolean): void {
    this.gates.push(gate);
  }

  interfaceOpened(info: CaptureInterface): void {
    this.interfaces.set(info.id, info);
    this.decoder.interfaceOpened(info);
    for (const enricher of this.enrichers) enricher.interfaceOpened?.(info);
  }

  packet(raw: RawPacket): void {
    this.ledger.packets++;
    this.ledger.bytes += raw.wireLength;
    if (raw.end - raw.start < raw.wireLength) this.ledger.packetsCut++;
    this.decoder.packet(raw);
  }

  /** Time went on without packets. */
  advance(now: Micros): void {
    this.decoder.advance(now);
    this.flows.advance(now);
  }

  /** Nothing more will come: gives out what is open. */
  end(): void {
    this.decoder.advance(Number.POSITIVE_INFINITY);
    this.flows.end();
  }

  exchange(exchange: Exchange): void {
    for (const gate of this.gates) if (!gate(exchange)) return;
    for (const enricher of this.enrichers) {
      enricher.flowUsed?.(exchange.flow);
      if (enricher.kernelTimes !== undefined) addKernelTimes(exchange, enricher);
    }
    for (const listener of this.exchangeListeners) listener.exchange(exchange);
    if (this.eventListeners.length === 0 && (this.lookers.length === 0 || !this.enriches)) {
      const event = this.look(exchange);
      for (const looker of this.lookers) looker(event);
      return;
    }
    const event = this.enriched(this.materializer.event(exchange));
    for (const listener of this.eventListeners) listener(event);
    for (const looker of this.lookers) looker(event);
  }

  /** An exchange to read as an event, lent; without what enrichers add. */
  look(exchange: Exchange): TransactionEvent {
    return this.lent.of(exchange);
  }

  private enriched(event: TransactionEvent): TransactionEvent {
    for (const enricher of this.enrichers) if (enricher.enrich !== undefined) event = enricher.enrich(event);
    return event;
  }

  /** Heads from now on are redacted otherwise. */
  redactWith(redactor: HeadRedactor): void {
    this.stage.keeper.redactWith(redactor);
  }

  /** An event that is no exchange: a TLS connection, an alert. */
  publish(event: TlsEvent | EarshotEvent): void {
    for (const listener of this.otherListeners) listener(event);
  }
}
