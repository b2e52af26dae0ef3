/**
 * What a terminal sends, as keys. Takes bytes cut anywhere, gives whole keys: characters (UTF-8), the escape sequences
 * that terminals use for arrows, paging and function keys (ECMA-48 CSI, SS3), and SGR mouse reports (mode 1006). An
 * escape byte alone may be the Escape key or the start of a sequence: `flush` decides it when nothing followed for a
 * moment. Unknown sequences are swallowed whole, never typed as text.
 */
import { StringDecoder } from "node:string_decoder";

export type Key =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "key"; readonly name: KeyName }
  | { readonly type: "click"; readonly x: number; readonly y: number }
  | { readonly type: "wheel"; readonly x: number; readonly y: number; readonly by: -1 | 1 };

export type KeyName =
  | "up"
  | "down"
  | "left"
  | "right"
  | "home"
  | "end"
  | "page-up"
  | "page-down"
  | "insert"
  | "delete"
  | "backspace"
  | "tab"
  | "shift-tab"
  | "enter"
  | "escape"
  | "f1"
  | `ctrl-${string}`;

const CSI_LETTERS: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  P: "f1",
  Z: "shift-tab",
};

const CSI_NUMBERS: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "2": "insert",
  "3": "delete",
  "4": "end",
  "5": "page-up",
  "6": "page-down",
  "7": "home",
  "8": "end",
  "11": "f1",
};

/** Longest sequence worth waiting for; beyond it the bytes are thrown away. */
const LONGEST_SEQUENCE = 64;

// ECMA-48 section 5.4: parameter bytes, intermediate bytes, one final byte
const CSI = /^\x1b\[([\x30-\x3f]*)[\x20-\x2f]*([\x40-\x7e])/;
const CSI_PREFIX = /^\x1b\[[\x30-\x3f]*[\x20-\x2f]*$/;

export class KeyParser {
  private readonly decoder = new StringDecoder("utf8");
  private pending = "";

  /** True when an escape byte waits for what may follow it. */
  get waiting(): boolean {
    return this.pending !== "";
  }

  push(bytes: Uint8Array): Key[] {
    this.pending += this.decoder.write(bytes as Buffer);
    return this.take(false);
  }

  /** Nothing followed in time: what waits is what it looks like. */
  flush(): Key[] {
    return this.take(true);
  }

  private take(final: boolean): Key[] {
    const keys: Key[] = [];
    while (this.pending !== "") {
      if (this.pending[0] === "\x1b") {
        const used = this.takeEscape(final, keys);
        if (used === 0) break;
        this.pending = this.pending.slice(used);
      } else {
        const character = String.fromCodePoint(this.pending.codePointAt(0)!);
        this.pending = this.pending.slice(character.length);
        keys.push(plainKey(character));
      }
    }
    return keys;
  }

  /** Reads one escape sequence; returns its length, 0 to wait for more. */
  private takeEscape(final: boolean, keys: Key[]): number {
    const second = this.pending[1];
    if (second === undefined || second === "\x1b") {
      if (second === undefined && !final) return 0;
      keys.push({ type: "key", name: "escape" });
      return 1;
    }
    if (second === "O") return this.takeSs3(final, keys);
    if (second !== "[") {
      // Alt with a key: no meaning here, and not Escape followed by a command either
      return 1 + String.fromCodePoint(this.pending.codePointAt(1)!).length;
    }
    const match = CSI.exec(this.pending);
    if (match === null) {
      if (!final && this.pending.length < LONGEST_SEQUENCE && CSI_PREFIX.test(this.pending)) return 0;
      return this.pending.length > 2 && !CSI_PREFIX.test(this.pending) ? 2 : this.pending.length;
    }
    const key = csiKey(match[1], match[2]);
    if (key !== null) keys.push(key);
    return match[0].length;
  }

  private takeSs3(final: boolean, keys: Key[]): number {
    const third = this.pending[2];
    if (third === undefined) return final ? 2 : 0;
    const name = CSI_LETTERS[third];
    if (name !== undefined) keys.push({ type: "key", name });
    return 3;
  }
}

function plainKey(character: string): Key {
  const code = character.codePointAt(0)!;
  if (character === "\r" || character === "\n") return { type: "key", name: "enter" };
  if (character === "\t") return { type: "key", name: "tab" };
  if (code === 0x7f || code === 0x08) return { type: "key", name: "backspace" };
  if (code < 0x20) return { type: "key", name: `ctrl-${String.fromCharCode(code + 0x60)}` };
  return { type: "text", text: character };
}

function csiKey(parameters: string, final: string): Key | null {
  if (parameters.startsWith("<")) return mouseKey(parameters.slice(1), final);
  const name = final === "~" ? CSI_NUMBERS[parameters.split(";")[0]] : CSI_LETTERS[final];
  return name === undefined ? null : { type: "key", name };
}

/** xterm control sequences, SGR mouse mode: button; column; row, from 1; `M` pressed, `m` released. */
function mouseKey(parameters: string, final: string): Key | null {
  const [button, column, row] = parameters.split(";").map(Number);
  if (![button, column, row].every(Number.isSafeInteger)) return null;
  const place = { x: column - 1, y: row - 1 };
  if (button === 64) return { type: "wheel", ...place, by: -1 };
  if (button === 65) return { type: "wheel", ...place, by: 1 };
  return button === 0 && final === "M" ? { type: "click", ...place } : null;
}
