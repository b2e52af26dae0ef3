/** What a field of the filter language is, and how the parts of an event are reached. */
import type { AlertEvent, EarshotEvent, RequestInfo, ResponseInfo, TlsEvent, TransactionEvent } from "../core/event.ts";

/**
 * What a field's values are and how literals for it are written: `duration` in milliseconds (a bare number is that),
 * `size` in octets, `status` a number or a class as `4xx`, `host` text that compares without regard to case.
 */
export type FieldType = "text" | "host" | "number" | "status" | "duration" | "size" | "flag" | "address" | "time";

export type Value = string | number | boolean | null | undefined;
export type Reader = (event: EarshotEvent) => Value;
export type ListReader = (event: EarshotEvent) => readonly string[] | undefined;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Readers of a field's values; a test holds when it holds for one of them. */
  readonly readers: readonly Reader[];
  /** Instead of readers: a field with any number of values. */
  readonly list?: ListReader;
  /** One line for people. */
  readonly about: string;
  /** The values it can have, where they are few. */
  readonly values?: readonly string[];
}

/** Fields with a free last part. Their values are texts. */
export interface Family {
  readonly name: string;
  readonly about: string;
  /** Readers for one member; null when there can be no such member. */
  readonly member: (argument: string) => Reader | readonly Reader[] | null;
}

type Read<From> = (from: From) => Value;

export const transaction =
  (read: Read<TransactionEvent>): Reader =>
  (event) =>
    event.type === "transaction" ? read(event) : null;

export const tls =
  (read: Read<TlsEvent>): Reader =>
  (event) =>
    event.type === "tls" ? read(event) : null;

export const alert =
  (read: Read<AlertEvent>): Reader =>
  (event) =>
    event.type === "alert" ? read(event) : null;

/** Transactions and TLS connections: what has a flow. */
export const wire =
  (read: Read<TransactionEvent | TlsEvent>): Reader =>
  (event) =>
    event.type === "alert" ? null : read(event);

export const request = (read: Read<RequestInfo>): Reader =>
  transaction((event) => (event.request === null ? null : read(event.request)));

export const response = (read: Read<ResponseInfo>): Reader =>
  transaction((event) => (event.response === null ? null : read(event.response)));
