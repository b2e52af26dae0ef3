/** The whole program of a capture, put together of what was asked for: loopback once, interfaces, ports, an expression. */
import { ethernetInterface } from "../interfaces.ts";
import type { Program } from "./bpf-assembler.ts";
import {
  byHardware,
  ethernetFilter,
  type FilterOptions,
  filterOf,
  loopbackOnce,
  networkFilter,
  onlyInterfaces,
} from "./filter-program.ts";
import { compileExpression } from "./libpcap-filter.ts";

export interface ProgramOptions extends FilterOptions {
  /** A tcpdump expression; see LiveCaptureOptions. */
  readonly expression?: string;
}

/** `indexes`: the kernel's numbers of the interfaces, none for all. Throws Trouble. */
export function captureProgram(options: ProgramOptions, indexes: readonly number[]): Program {
  const { ports, hosts, expression, snapLength } = options;
  const programs: Program[] = [loopbackOnce()];
  if (indexes.length > 1) programs.push(onlyInterfaces(indexes));
  if (expression === undefined || ports?.length || hosts?.length) {
    // an expression may ask for any UDP: `ports` then speaks of TCP alone and is what the user wants to narrow
    programs.push(byHardware(ethernetFilter(options), networkFilter(options)));
  }
  if (expression !== undefined) {
    programs.push(compileExpression(expression, snapLength, ethernetInterface()));
  }
  return filterOf(...programs);
}
