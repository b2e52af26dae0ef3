/**
 * What of a filter the kernel's packet filter can take: ports or addresses of which every matching event must have at
 * least one, on either side. Only what the expression implies; null when it implies nothing.
 */
import { normalAddress, parseAddress } from "./address.ts";
import type { Plan } from "./plan.ts";

export interface CapturePushdown {
  /** Every match has one of these as client or server port. */
  readonly ports?: readonly number[];
  /** Every match has one of these as client or server address. */
  readonly hosts?: readonly string[];
}

const PORT_FIELDS = ["flow.client.port", "flow.server.port", "port"];
const HOST_FIELDS = ["flow.client.ip", "flow.server.ip", "ip"];

/** More alternatives than this are cheaper to test afterwards than in the kernel. */
const MOST = 64;

/** null: anything is possible. An empty set: nothing can match. */
type Implied<T> = ReadonlySet<T> | null;

export function pushdownOf(plan: Plan): CapturePushdown | null {
  const ports = implied(plan, portsOfTest);
  const hosts = implied(plan, hostsOfTest);
  const usable = <T>(set: Implied<T>): set is ReadonlySet<T> => set !== null && set.size > 0 && set.size <= MOST;
  const result = {
    ...(usable(ports) ? { ports: [...ports].sort((a, b) => a - b) } : {}),
    ...(usable(hosts) ? { hosts: [...hosts].sort() } : {}),
  };
  return Object.keys(result).length === 0 ? null : result;
}

type TestPlan = Extract<Plan, { kind: "test" }>;

function implied<T>(plan: Plan, ofTest: (test: TestPlan) => Implied<T>): Implied<T> {
  switch (plan.kind) {
    case "test":
      return plan.negated || (plan.operator !== "==" && plan.operator !== "in") ? null : ofTest(plan);
    case "and": {
      // each part alone bounds the whole; they may speak of different ends, so they cannot be intersected
      const bounds = plan.parts.map((part) => implied(part, ofTest)).filter((set) => set !== null);
      return bounds.reduce<Implied<T>>((best, set) => (best === null || set.size < best.size ? set : best), null);
    }
    case "or": {
      const all = new Set<T>();
      for (const part of plan.parts) {
        const set = implied(part, ofTest);
        if (set === null) return null;
        for (const item of set) all.add(item);
      }
      return all;
    }
    case "constant":
      return plan.value ? null : new Set();
    default:
      return null;
  }
}

function portsOfTest(test: TestPlan): Implied<number> {
  if (!PORT_FIELDS.includes(test.field.name)) return null;
  return new Set(test.literals.map(Number).filter((port) => Number.isInteger(port) && port >= 0 && port <= 65_535));
}

function hostsOfTest(test: TestPlan): Implied<string> {
  if (!HOST_FIELDS.includes(test.field.name)) return null;
  const addresses = test.literals.map(parseAddress);
  // a network among them: the kernel filter is given single addresses only
  if (addresses.includes(null)) return null;
  return new Set(addresses.map((words) => normalAddress(words!)));
}
