/* Finds the lines of a head. The reference is src/protocol/http1/head.ts (`read`). */
#include "kernel.h"

#define MAX_FIELDS 256
#define MAX_METHOD 16

#define REQUESTS 1
#define RESPONSES 2

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
EXPORT(scan) int scan(int start, int end, int kinds) {
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
