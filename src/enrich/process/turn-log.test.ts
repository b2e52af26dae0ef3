/** The log of turns against a model that keeps everything, and its bound. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_TURN, TurnLog, type TurnOwner } from "./turn-log.ts";

const socket = (): TurnOwner => ({ firstTurn: NO_TURN, lastTurn: NO_TURN });
const SECOND = 1_000_000;

test("a turn belongs to the exchange whose request ended before its read, and is given once", () => {
  const log = new TurnLog();
  const owner = socket();
  expect(log.take(owner, 0, 1e15)).toBeNull();
  for (let index = 0; index < 300; index++) log.add(owner, index * 10_000, index * 10_000 + 2_000);
  expect(log.take(owner, 2_899_000, 2_903_000)).toEqual({ read: 2_900_000, write: 2_902_000 });
  expect(log.take(owner, 2_899_000, 2_903_000)).toBeNull();
  expect(log.take(owner, 2_910_000, 2_929_000)).toEqual({ read: 2_910_000, write: 2_912_000 });
  expect(log.take(owner, 2_989_000, 2_989_500)).toBeNull(); // one that was lost: the next one is another exchange's
  expect(log.take(owner, 2_989_900, 2_992_000)).toEqual({ read: 2_990_000, write: 2_992_000 });
  expect(log.take(owner, 9_000, 1e15)).toBeNull();
});

test("busy connections a second behind: each exchange its own turn", () => {
  const log = new TurnLog();
  const sockets = Array.from({ length: 16 }, socket);
  // 16 connections with 3,000 turns each, 10 microseconds apart
  const at = (index: number, place: number) => 16 * 20 * index + 20 * place;
  const all = Array.from({ length: 3_000 }, (_, index) => index);
  for (const index of all) {
    for (const [place, owner] of sockets.entries()) log.add(owner, at(index, place), at(index, place) + 7);
  }
  for (const index of all) {
    sockets.forEach((owner, place) => {
      const read = at(index, place);
      expect(log.take(owner, read - 15, read + 5)).toEqual({ read, write: read + 7 });
    });
  }
});

test("whatever the order: what a model says that keeps the newest", () => {
  const step = fc.tuple(fc.nat(3), fc.constantFrom("add", "add", "add", "take", "forget"), fc.nat(2_000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), fc.constantFrom(64, 128), (steps, most) => {
      const log = new TurnLog(most);
      const sockets = [0, 1, 2, 3].map(socket);
      let newest: { place: number; read: number; write: number; taken: boolean }[] = [];
      let now = 0;
      for (const [place, what, length] of steps) {
        now += 100;
        const own = newest.filter((turn) => turn.place === place && !turn.taken);
        if (what === "add") {
          log.add(sockets[place], now, now + 30);
          // a turn that was taken has its place until it is the oldest
          newest = [...newest, { place, read: now, write: now + 30, taken: false }].slice(-most);
        } else if (what === "forget") {
          log.forget(sockets[place]);
          for (const turn of own) turn.taken = true;
        } else {
          const from = now - length;
          for (const turn of own) if (turn.read < from - 10) turn.taken = true;
          const wanted = own.find((turn) => !turn.taken && turn.read <= now + 10);
          if (wanted !== undefined) wanted.taken = true;
          expect(log.take(sockets[place], from, now)).toEqual(
            wanted === undefined ? null : { read: wanted.read, write: wanted.write },
          );
        }
      }
    }),
  );
});

test("bounded: of all sockets together the newest; a log of old turns does not grow", () => {
  const log = new TurnLog(1_024);
  const [quiet, busy] = [socket(), socket()];
  log.add(quiet, 1, 2);
  for (let index = 0; index < 2_000; index++) log.add(busy, 10 * index + 10, 10 * index + 15);
  expect(log.take(quiet, 0, 5)).toBeNull();
  expect(log.take(busy, 9_000, 9_009)).toBeNull();
  expect(log.take(busy, 9_770, 9_775)).toEqual({ read: 9_770, write: 9_775 });
  expect(quiet).toEqual(socket());
  const slow = new TurnLog();
  for (let index = 0; index < 100; index++) slow.add(quiet, index * SECOND, index * SECOND + 5);
  expect(slow.take(quiet, 35 * SECOND, 35.5 * SECOND)).toBeNull();
  expect(slow.take(quiet, 36 * SECOND, 36.5 * SECOND)).not.toBeNull();
});

test("numbers start again without mixing turns up", () => {
  const log = new TurnLog(64);
  Object.assign(log, { number: 0x3fffffff - 40 });
  const owner = socket();
  for (let index = 0; index < 100; index++) log.add(owner, index * 100, index * 100 + 50);
  for (let index = 36; index < 100; index++) expect(log.take(owner, index * 100, index * 100 + 50)).not.toBeNull();
});
