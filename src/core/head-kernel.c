/*
 * The two loops that touch every octet of every message head, for WebAssembly with 128-bit SIMD: finding the lines, and
 * writing them as JSON text. Both know only heads that are as RFC 9112 wants them; whatever is odd makes them give up
 * before anything is said of it, and the TypeScript reader (src/protocol/http1/head.ts) or writer
 * (src/transaction/keep.ts) has the word. Addresses are those of src/core/memory.ts. There are no variables here: all
 * state is in that memory, which is the caller's.
 *
 * Built by scripts/build-kernel.sh into src/core/head-kernel-code.ts. Loads of 16 octets may reach behind a range; what
 * was found there is never used, and the memory goes on behind every range.
 */
#include <wasm_simd128.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

/* src/core/memory.ts */
#define RESULT ((int *)16384)
#define FIELDS ((int *)20480)
#define TELLING ((const void *)24576)
#define NAMES 32768

#define NAME_SLOT 64
#define NAME_MAX 48
#define MAX_FIELDS 256
#define MAX_METHOD 16

#define REQUESTS 1
#define RESPONSES 2

enum {
  R_FIELD_COUNT,
  R_HOST,
  R_CONTENT_TYPE,
  R_USER_AGENT,
  R_UPGRADE,
  R_CONTENT_ENCODING,
  R_CONTENT_LENGTH,
  R_TRANSFER_ENCODING,
  R_CONNECTION,
  R_IS_REQUEST,
  R_VERSION,
  R_METHOD_END, /* status of a response */
  R_TEXT_START, /* of target or reason */
  R_TEXT_END,
  /* written by render */
  R_STOPPED_AT,
  R_REASON,
  R_HOST_START,
  R_HOST_END,
  R_AGENT_START,
  R_AGENT_END,
  R_TYPE_START,
  R_TYPE_END,
};

/* why render stopped */
enum { DONE, NAME, SECRET, TEXT, FULL };

enum { PLAIN_FIELD, SEARCHED_FIELD, SENSITIVE_FIELD };

static inline v128_t load(int at) { return wasm_v128_load((const void *)at); }
static inline u8 octet(int at) { return *(const u8 *)at; }
static inline u32 word32(int at) { return ((const struct { u32 v; } __attribute__((packed)) *)at)->v; }
static inline u64 word64(int at) { return ((const struct { u64 v; } __attribute__((packed)) *)at)->v; }
static inline int is_blank(u8 c) { return c == ' ' || c == '\t'; }

/* Not zero where an octet is in the set: `low` has, for each lower half of an octet, a bit for each upper half below 8. */
static inline v128_t in_set(v128_t v, v128_t low) {
  const v128_t high = wasm_i8x16_const(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const v128_t by_low = wasm_i8x16_swizzle(low, wasm_v128_and(v, wasm_u8x16_const_splat(15)));
  return wasm_v128_and(by_low, wasm_i8x16_swizzle(high, wasm_u8x16_shr(v, 4)));
}

/* The first octet from `at` on that is no token character (RFC 9110 section 5.6.2), at most 256 octets on. */
static inline int token_end(int at) {
  const v128_t token = wasm_u8x16_const(0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0xd0,
                                        0x54, 0xf4, 0x70);
  const v128_t none = wasm_u8x16_const_splat(0);
  for (int most = at + 256; at < most; at += 16) {
    const u32 other = wasm_i8x16_bitmask(wasm_i8x16_eq(in_set(load(at), token), none));
    if (other) return at + __builtin_ctz(other);
  }
  return at;
}

#define ODD -1
/* Nothing is odd so far, but there is not all. */
#define MORE -2

/* Offset of the CR of the CR LF that ends the line, or MORE; ODD when any control but a tab comes before. */
static inline int line_end(int at, int end) {
  for (; at < end; at += 16) {
    u32 controls = wasm_i8x16_bitmask(wasm_u8x16_lt(load(at), wasm_u8x16_const_splat(32)));
    for (; controls; controls &= controls - 1) {
      const int found = at + __builtin_ctz(controls);
      if (found + 1 >= end) return MORE;
      if (octet(found) == '\r' && octet(found + 1) == '\n') return found;
      if (octet(found) != '\t') return ODD;
    }
  }
  return MORE;
}

#define LETTERS4 0x20202020u
#define LETTERS8 0x2020202020202020ull
/* Names are tokens here, and of those only capitals change by this bit (`-` has it). */
#define SAME4(at, a, b, c, d) ((word32(at) | LETTERS4) == ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24))
static inline int same8(int at, const char *text) {
  u64 value = 0;
  for (int i = 0; i < 8; i++) value |= (u64)(u8)text[i] << (8 * i);
  return (word64(at) | LETTERS8) == value;
}

/* The first line with a name counts; a second one of those that may come but once is for the caller to judge: false. */
static inline int once(int slot, int index) {
  if (RESULT[slot] >= 0) return 0;
  RESULT[slot] = index;
  return 1;
}
static inline void first(int slot, int index) {
  if (RESULT[slot] < 0) RESULT[slot] = index;
}

static inline int note_known(int name, int length, int index) {
  switch (length) {
    case 4:
      if (SAME4(name, 'h', 'o', 's', 't')) return once(R_HOST, index);
      break;
    case 7:
      if (SAME4(name, 'u', 'p', 'g', 'r') && SAME4(name + 3, 'r', 'a', 'd', 'e')) first(R_UPGRADE, index);
      break;
    case 10:
      if (same8(name, "user-age") && SAME4(name + 6, 'g', 'e', 'n', 't')) first(R_USER_AGENT, index);
      else if (same8(name, "connecti") && SAME4(name + 6, 't', 'i', 'o', 'n')) return once(R_CONNECTION, index);
      break;
    case 12:
      if (same8(name, "content-") && SAME4(name + 8, 't', 'y', 'p', 'e')) first(R_CONTENT_TYPE, index);
      break;
    case 14:
      if (same8(name, "content-") && same8(name + 6, "t-length")) return once(R_CONTENT_LENGTH, index);
      break;
    case 16:
      if (same8(name, "content-") && same8(name + 8, "encoding")) first(R_CONTENT_ENCODING, index);
      break;
    case 17:
      if (same8(name, "transfer") && same8(name + 9, "encoding") && octet(name + 8) == '-')
        return once(R_TRANSFER_ENCODING, index);
      break;
  }
  return 1;
}

/* Offset of the CR behind `METHOD target HTTP/1.x`, or -1. */
static int request_line(int start, int end) {
  const int method = token_end(start);
  if (method == start || method - start > MAX_METHOD || octet(method) != ' ') return -1;
  /* PRI opens HTTP/2 (RFC 9113 section 3.4) */
  if (method - start == 3 && SAME4(start, 'p', 'r', 'i', ' ')) return -1;
  int at = method + 1;
  const int target = at;
  for (;; at += 16) {
    if (at >= end) return -1;
    const v128_t v = load(at);
    const u32 ends = wasm_i8x16_bitmask(wasm_v128_or(wasm_u8x16_le(v, wasm_u8x16_const_splat(32)),
                                                     wasm_i8x16_eq(v, wasm_u8x16_const_splat(127))));
    if (ends) {
      at += __builtin_ctz(ends);
      break;
    }
  }
  if (at + 11 > end || at == target || octet(at) != ' ') return -1;
  const u64 version = word64(at + 1);
  if ((version & ~(1ull << 56)) != 0x302e312f50545448ull /* HTTP/1.0 */) return -1;
  RESULT[R_IS_REQUEST] = 1;
  RESULT[R_VERSION] = 10 + (int)(version >> 56 & 1);
  RESULT[R_METHOD_END] = method;
  RESULT[R_TEXT_START] = target;
  RESULT[R_TEXT_END] = at;
  return octet(at + 9) == '\r' && octet(at + 10) == '\n' ? at + 9 : -1;
}

/* Offset of the CR behind `HTTP/1.x 200 reason`, or -1. */
static int status_line(int start, int end) {
  const u64 version = word64(start);
  if ((version & ~(1ull << 56)) != 0x302e312f50545448ull || octet(start + 8) != ' ') return -1;
  const int high = octet(start + 9) - '0', middle = octet(start + 10) - '0', low = octet(start + 11) - '0';
  if (high < 1 || high > 9 || middle < 0 || middle > 9 || low < 0 || low > 9) return -1;
  int at = start + 12;
  if (!is_blank(octet(at)) && octet(at) != '\r') return -1;
  while (at < end && is_blank(octet(at))) at++;
  const int line = line_end(at, end);
  RESULT[R_IS_REQUEST] = 0;
  RESULT[R_VERSION] = 10 + (int)(version >> 56 & 1);
  RESULT[R_METHOD_END] = high * 100 + middle * 10 + low;
  RESULT[R_TEXT_START] = at;
  RESULT[R_TEXT_END] = line;
  return line;
}

/*
 * Reads the head at `start` of one of the `kinds`: fills RESULT and FIELDS, gives the address behind its blank line; ODD
 * when it is not as it should be or has no whole start line, MORE when it only is not all there.
 */
__attribute__((export_name("scan"))) int scan(int start, int end, int kinds) {
  if (end - start < 16) return -1;
  int line;
  if (octet(start) == 'H' && octet(start + 4) == '/') line = kinds & RESPONSES ? status_line(start, end) : -1;
  else line = kinds & REQUESTS ? request_line(start, end) : -1;
  if (line < 0) return ODD;
  for (int slot = R_HOST; slot <= R_CONNECTION; slot++) RESULT[slot] = -1;

  int *field = FIELDS;
  int count = 0;
  for (int at = line + 2;; at = line + 2) {
    /* with the octet behind a line end it is known whether the line goes on (obs-fold) */
    if (at + 1 >= end) return MORE;
    if (octet(at) == '\r') {
      if (octet(at + 1) != '\n') return -1;
      RESULT[R_FIELD_COUNT] = count;
      return at + 2;
    }
    const int colon = token_end(at);
    if (colon >= end) return MORE;
    if (colon == at || octet(colon) != ':' || count == MAX_FIELDS) return ODD;
    int value = colon + 1;
    while (is_blank(octet(value)) && value < end) value++;
    line = line_end(value, end);
    if (line < 0) return line;
    int value_end = line;
    while (value_end > value && is_blank(octet(value_end - 1))) value_end--;
    field[0] = at;
    field[1] = colon;
    field[2] = value;
    field[3] = value_end;
    field += 4;
    if (!note_known(at, colon - at, count)) return -1;
    count++;
  }
}

static inline int copy_short(int from, int end, int to) {
  for (int at = from; at < end; at += 16, to += 16) wasm_v128_store((void *)to, load(at));
  return to - ((end - from + 15) & ~15) + (end - from);
}

/* Writes `[from, end)` as the contents of a JSON string; gives the new end, or -1 for text beyond ASCII. */
__attribute__((export_name("escape"))) int escape(int from, int end, int to) {
  while (from < end) {
    const v128_t v = load(from);
    wasm_v128_store((void *)to, v);
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

/* What the caller has said of this name before; -1 when it was never asked. */
static inline int care_of(int name, int length) {
  if (length > NAME_MAX) return -1;
  const u32 hash = length * 7 + octet(name) * 31 + octet(name + length - 1) * 61 + octet(name + (length >> 1)) * 131;
  const int slot = NAMES + (hash & 1023) * NAME_SLOT;
  if (octet(slot) != length) return -1;
  for (int at = 0; at < length; at += 16) {
    const u32 different = ~wasm_i8x16_bitmask(wasm_i8x16_eq(load(name + at), load(slot + 16 + at)));
    if (different << (length - at >= 16 ? 16 : 32 - (length - at))) return -1;
  }
  return octet(slot + 1);
}

static inline int holds_telling(int from, int end) {
  const v128_t low = wasm_v128_load(TELLING);
  for (; from < end; from += 16) {
    const u32 found = wasm_i8x16_bitmask(wasm_i8x16_ne(in_set(load(from), low), wasm_u8x16_const_splat(0)));
    if (found) return from + __builtin_ctz(found) < end;
  }
  return 0;
}

/*
 * Writes the lines of FIELDS from `index` on as `["name","value"],…`, up to the end, or up to a value that the caller
 * must write (NAME: it was never asked of this name; SECRET: perhaps one; TEXT: beyond ASCII), or up to `limit` (FULL:
 * the line that crossed it is no part of it). Gives the end of what is written; RESULT tells why and where it stopped.
 */
__attribute__((export_name("render"))) int render(int index, int to, int limit, int redact) {
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
    to = copy_short(field[0], field[1], to);
    *(u8 *)to++ = '"';
    *(u8 *)to++ = ',';
    *(u8 *)to++ = '"';
    if (redact) {
      const int care = care_of(field[0], name_length);
      if (care != PLAIN_FIELD && (care != SEARCHED_FIELD || holds_telling(field[2], field[3]))) {
        reason = care < 0 ? NAME : SECRET;
        break;
      }
    }
    const int value = to;
    const int end = escape(field[2], field[3], to);
    if (end < 0) {
      reason = TEXT;
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

__attribute__((export_name("copy"))) void copy(int to, int from, int length) {
  __builtin_memcpy((void *)to, (const void *)from, length);
}

/* The first place of an octet in `[start, end)`, or `end`. */
__attribute__((export_name("find"))) int find(int value, int start, int end) {
  const v128_t wanted = wasm_u8x16_splat((u8)value);
  for (int at = start; at < end; at += 16) {
    const u32 found = wasm_i8x16_bitmask(wasm_i8x16_eq(load(at), wanted));
    if (found) return at + __builtin_ctz(found) < end ? at + __builtin_ctz(found) : end;
  }
  return end;
}
