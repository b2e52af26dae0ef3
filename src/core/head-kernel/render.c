/*
 * Writes the lines of a head as JSON text, secrets hidden. The reference is src/transaction/keep.ts (`fieldsHere`).
 */
#include "kernel.h"

/* Writes `[from, end)` as the contents of a JSON string; gives the new end, or -1 for text beyond ASCII. */
EXPORT(escape) int escape(int from, int end, int to) {
  while (from < end) {
    const v128_t v = load(from);
    store(to, v);
    const v128_t special = wasm_v128_or(wasm_i8x16_eq(v, wasm_u8x16_const_splat('"')),
                                        wasm_i8x16_eq(v, wasm_u8x16_const_splat('\\')));
    /* as signed numbers, octets from 128 on are below 32 too */
    const u32 odd = wasm_i8x16_bitmask(wasm_v128_or(special, wasm_i8x16_lt(v, wasm_i8x16_const_splat(32))));
    if (!odd) {
      from += 16;
      to += 16;
      continue;
    }
    const int clean = __builtin_ctz(odd);
    from += clean;
    to += clean;
    if (from >= end) break;
    const u8 c = octet(from++);
    if (c >= 128) return -1;
    *(u8 *)to++ = '\\';
    if (c >= 32) *(u8 *)to++ = c;
    else {
      const u8 low = c & 15;
      *(u8 *)to++ = 'u';
      *(u8 *)to++ = '0';
      *(u8 *)to++ = '0';
      *(u8 *)to++ = '0' + (c >> 4);
      *(u8 *)to++ = low < 10 ? '0' + low : 'a' - 10 + low;
    }
  }
  /* what was stored behind the end is no part of it */
  return to - (from - end);
}

static inline int holds_telling(int from, int end) {
  const v128_t low = wasm_v128_load(TELLING);
  for (; from < end; from += 16) {
    const u32 found = members(load(from), low);
    if (found) return from + __builtin_ctz(found) < end;
  }
  return 0;
}

/* The contents of a JSON string for a value; -1 when the caller must write it. */
static inline int put_value(int care, int from, int end, int to) {
  if (care == PLAIN_FIELD) return escape(from, end, to);
  if (care == SENSITIVE_FIELD) return -1;
  const int may_be_plain = care == SEARCHED_FIELD || care >= URL_FIELD;
  if (may_be_plain && !holds_telling(from, end)) return escape(from, end, to);
  if (care == SEARCHED_FIELD) return -1;
  const int redacted = redact_value(care, from, end, REDACTED);
  return redacted < 0 ? -1 : escape(REDACTED, redacted, to);
}

/*
 * Writes the lines of FIELDS from `index` on as `["name","value"],…`, up to the end, or up to a value that the caller
 * must write (NAME: it was never asked of this name; SECRET: perhaps one; TEXT: beyond ASCII), or up to `limit` (FULL:
 * the line that crossed it is no part of it). Gives the end of what is written; RESULT tells why and where it stopped.
 */
EXPORT(render) int render(int index, int to, int limit, int redact) {
  const int count = RESULT[R_FIELD_COUNT];
  const int host = RESULT[R_HOST], agent = RESULT[R_USER_AGENT], type = RESULT[R_CONTENT_TYPE];
  int reason = DONE;
  for (; index < count; index++) {
    const int *field = FIELDS + index * 4;
    const int before = to;
    const int name_length = field[1] - field[0];
    if (index > 0) *(u8 *)to++ = ',';
    *(u8 *)to++ = '[';
    *(u8 *)to++ = '"';
    to = copy_octets(field[0], field[1], to);
    *(u8 *)to++ = '"';
    *(u8 *)to++ = ',';
    *(u8 *)to++ = '"';
    const int value = to;
    const int care = redact ? kind_of_name(FIELD_NAMES, field[0], name_length) : PLAIN_FIELD;
    if (care < 0) {
      reason = NAME;
      break;
    }
    const int end = put_value(care, field[2], field[3], to);
    if (end < 0) {
      reason = care == PLAIN_FIELD ? TEXT : SECRET;
      break;
    }
    to = end;
    *(u8 *)to++ = '"';
    *(u8 *)to++ = ']';
    if (to > limit) {
      to = before;
      reason = FULL;
      break;
    }
    if (index == host) RESULT[R_HOST_START] = value, RESULT[R_HOST_END] = end;
    else if (index == agent) RESULT[R_AGENT_START] = value, RESULT[R_AGENT_END] = end;
    else if (index == type) RESULT[R_TYPE_START] = value, RESULT[R_TYPE_END] = end;
  }
  RESULT[R_STOPPED_AT] = index;
  RESULT[R_REASON] = reason;
  return to;
}

EXPORT(copy) void copy(int to, int from, int length) {
  __builtin_memcpy((void *)to, (const void *)from, length);
}

EXPORT(find) int find(int value, int start, int end) { return find_octet(value, start, end); }
