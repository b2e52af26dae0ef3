/**
 * How one earshot tells another something: a file for each command in a folder that only its user can write, picked up
 * at the other's next look, and a file with the answer. Commands are plain data and are checked by whoever applies them.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Trouble } from "../core/trouble.ts";
import { writePrivate } from "./state-folder.ts";

export interface Answer {
  readonly ok: boolean;
  /** What was done, or what is wrong. */
  readonly text: string;
  readonly hint: string;
  readonly exit_code: number;
}

const FOLDER = "commands";
const COMMAND = /^([\w-]{1,100})\.json$/;
const ANSWER = ".answer";
const MOST_BYTES = 64 * 1024;
/** Commands of one look; the rest waits for the next. */
const MOST_AT_ONCE = 50;
/** Answers that nobody took are removed after this. */
const ANSWER_MS = 60_000;
const LOOK_MS = 25;

export class CommandSpool {
  private readonly folder: string;

  constructor(stateFolder: string) {
    this.folder = join(stateFolder, FOLDER);
  }

  /** Applies what waits, oldest first; each command once, whatever comes of it. Gives how many there were. */
  take(apply: (command: unknown) => string): number {
    let taken = 0;
    for (const name of names(this.folder).sort()) {
      const id = COMMAND.exec(name)?.[1];
      if (id === undefined) this.removeOld(name);
      else if (taken < MOST_AT_ONCE) {
        taken++;
        this.one(id, apply);
      }
    }
    return taken;
  }

  private one(id: string, apply: (command: unknown) => string): void {
    const path = join(this.folder, `${id}.json`);
    let answer: Answer;
    try {
      const text = readOwn(path);
      rmSync(path, { force: true });
      answer = { ok: true, text: apply(JSON.parse(text)), hint: "", exit_code: 0 };
    } catch (error) {
      const { message, hint = "", exitCode = 1 } = error as Error & Partial<Trouble>;
      answer = { ok: false, text: message, hint, exit_code: exitCode };
    }
    try {
      rmSync(path, { force: true });
      writePrivate(join(this.folder, id + ANSWER), JSON.stringify(answer));
    } catch {
      // a full disk: who asked hears nothing in time, and says so
    }
  }

  private removeOld(name: string): void {
    const path = join(this.folder, name);
    try {
      if (Date.now() - lstatSync(path).mtimeMs > ANSWER_MS) rmSync(path, { force: true });
    } catch {
      // taken in between
    }
  }
}

/**
 * Sends a command to whoever looks into this folder; null when no answer came in time, or when `isThere` says that
 * nobody looks any more: then it was not done, and will not be. Throws what the system says.
 */
export async function sendCommand(
  stateFolder: string,
  command: unknown,
  { timeout_ms, isThere }: { readonly timeout_ms: number; readonly isThere: () => boolean },
): Promise<Answer | null> {
  const id = `${String(Date.now()).padStart(15, "0")}-${process.pid}-${randomBytes(6).toString("hex")}`;
  const path = join(stateFolder, FOLDER, `${id}.json`);
  const reply = join(stateFolder, FOLDER, id + ANSWER);
  writePrivate(path, JSON.stringify(command));
  const end = performance.now() + timeout_ms;
  for (let there = true; there && performance.now() < end; ) {
    await sleep(LOOK_MS);
    // asked before looking: the last thing it did may have been to answer
    there = isThere();
    if (!names(join(stateFolder, FOLDER)).includes(id + ANSWER)) continue;
    const answer = JSON.parse(readOwn(reply)) as Answer;
    rmSync(reply, { force: true });
    return answer;
  }
  // it must not be done later, when nobody expects it any more
  rmSync(path, { force: true });
  return null;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A plain file of our own user, or of root. */
function readOwn(path: string): string {
  const { uid, size } = ownFile(path);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own && uid !== 0 && own !== 0) throw new Trouble("the command is another user's");
  if (size > MOST_BYTES) throw new Trouble("the command is too long");
  return readFileSync(path, "utf8");
}

function ownFile(path: string): { uid: number; size: number } {
  const status = lstatSync(path);
  if (!status.isFile()) throw new Trouble("the command is no plain file");
  return status;
}
