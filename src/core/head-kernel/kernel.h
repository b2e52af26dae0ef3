/*
 * What the parts of the kernel share. It is WebAssembly with 128-bit SIMD for the loops that touch every octet of every
 * message head: scan.c finds the lines, render.c writes them as JSON text, redact.c hides secrets on the way, line.c
 * writes an exchange as a line of JSON. They know what is as RFC 9112 wants it; whatever is odd makes them give up before
 * anything is said of it, and the TypeScript code that each names in its first lines, the reference, has the word.
 *
 * Addresses are those of src/core/memory.ts. There are no variables here: all state is in that memory, which is the
 * caller's. Built by scripts/build-kernel.sh into src/core/head-kernel-code.ts. Loads and stores of 16 octets may reach
 * behind a range; what was found there is never used, and the memory goes on behind every range.
 */
#include <wasm_simd128.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))
/* The code is compiled when a program starts: small counts. */
#define NOINLINE __attribute__((noinline))

/* src/core/memory.ts */
#define RESULT ((int *)16384)
#define FIELDS ((int *)20480)
#define TELLING ((const void *)24576)
#define FIELD_NAMES 32768
#define REDACTED 1572864
#define PARAMETER_NAMES 786432
#define COOKIE_NAMES 851968
#define ATTRIBUTE_NAMES 917504

#define NAME_SLOT 64
#define NAME_MAX 48

/* places in RESULT: R of src/core/head-kernel.ts */
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

/* how to treat the value of a field: FieldCare of src/core/http.ts */
enum {
  PLAIN_FIELD,
  SEARCHED_FIELD,
  SENSITIVE_FIELD,
  SECRET_FIELD,
  COOKIE_FIELD,
  SET_COOKIE_FIELD,
  URL_FIELD,
  LINK_FIELD,
  FREE_FIELD,
};

static inline v128_t load(int at) { return wasm_v128_load((const void *)at); }
static inline void store(int at, v128_t v) { wasm_v128_store((void *)at, v); }
static inline u8 octet(int at) { return *(const u8 *)at; }
static inline int put(int at, u8 value) {
  *(u8 *)at = value;
  return at + 1;
}
static inline u32 word32(int at) { return ((const struct { u32 v; } __attribute__((packed)) *)at)->v; }
static inline u64 word64(int at) { return ((const struct { u64 v; } __attribute__((packed)) *)at)->v; }
static inline int is_blank(u8 c) { return c == ' ' || c == '\t'; }

/* Not zero where an octet is in the set: `low` has, for each lower half of an octet, a bit for each upper half below 8. */
static inline v128_t in_set(v128_t v, v128_t low) {
  const v128_t high = wasm_i8x16_const(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const v128_t by_low = wasm_i8x16_swizzle(low, wasm_v128_and(v, wasm_u8x16_const_splat(15)));
  return wasm_v128_and(by_low, wasm_i8x16_swizzle(high, wasm_u8x16_shr(v, 4)));
}

/* A bit for each of 16 octets that is in the set. */
static inline u32 members(v128_t v, v128_t low) {
  return wasm_i8x16_bitmask(wasm_i8x16_ne(in_set(v, low), wasm_u8x16_const_splat(0)));
}

/* The first place of an octet in `[at, end)`, or `end`. */
static inline int find_octet(u8 value, int at, int end) {
  const v128_t wanted = wasm_u8x16_splat(value);
  for (; at < end; at += 16) {
    const u32 found = wasm_i8x16_bitmask(wasm_i8x16_eq(load(at), wanted));
    if (found) return at + __builtin_ctz(found) < end ? at + __builtin_ctz(found) : end;
  }
  return end;
}

/* Copies `[from, end)`, which must not begin less than 16 octets before `to`; gives the new end. */
static inline int copy_octets(int from, int end, int to) {
  const int length = end - from;
#pragma clang loop unroll(disable)
  for (int at = 0; at < length; at += 16) store(to + at, load(from + at));
  return to + length;
}

/* Writes a number of up to ten digits; gives the new end. */
static inline int put_number(u32 value, int to) {
  u8 digits[10];
  int count = 0;
  do digits[count++] = '0' + value % 10, value /= 10;
  while (value);
  while (count > 0) to = put(to, digits[--count]);
  return to;
}

/* What a table says of this name (src/core/field-care.ts); -1 when it was never asked. */
static inline int kind_of_name(int table, int name, int length) {
  if (length > NAME_MAX) return -1;
  const u32 hash = length * 7 + octet(name) * 31 + octet(name + length - 1) * 61 + octet(name + (length >> 1)) * 131;
  const int slot = table + (hash & 1023) * NAME_SLOT;
  if (octet(slot) != length) return -1;
  for (int at = 0; at < length; at += 16) {
    const u32 different = ~wasm_i8x16_bitmask(wasm_i8x16_eq(load(name + at), load(slot + 16 + at)));
    if (different << (length - at >= 16 ? 16 : 32 - (length - at))) return -1;
  }
  return octet(slot + 1);
}

/* render.c */
int escape(int from, int end, int to);
/* redact.c */
int redact_value(int care, int from, int end, int to);
