/*
 * Writes an exchange as a line of JSON (docs/events.md) from the numbers that src/sink/json/kernel-line.ts has left and
 * from its kept heads. Only the usual exchange: no processes, no anomalies, no bodies, IPv4. The reference is
 * src/sink/json/text-line.ts.
 */
#include "kernel.h"

/* places in LINE_WHOLE and LINE_LARGE: W and L of src/sink/json/kernel-line.ts */
#define LINE_WHOLE ((const int *)25600)
#define LINE_LARGE ((const double *)26112)

enum {
  W_PREFIX_START,
  W_PREFIX_END,
  W_FLOW_END_START,
  W_FLOW_END_END,
  W_CLIENT_ADDRESS,
  W_CLIENT_PORT,
  W_SERVER_ADDRESS,
  W_SERVER_PORT,
  W_DEPTH,
  W_VERSION,
  W_FLAGS,
  W_OUTCOME,
  W_METHOD_START,
  W_METHOD_END,
  W_TARGET_START,
  W_TARGET_END,
  W_HOST_START,
  W_HOST_END,
  W_PATH_START,
  W_PATH_END,
  W_QUERY_START,
  W_FIELDS_START,
  W_FIELDS_END,
  W_TYPE_START,
  W_TYPE_END,
  W_AGENT_START,
  W_AGENT_END,
  W_HEADER_BYTES,
  W_STATUS,
  W_REASON_START,
  W_REASON_END,
  W_ANSWER_FIELDS_START,
  W_ANSWER_FIELDS_END,
  W_ANSWER_TYPE_START,
  W_ANSWER_TYPE_END,
  W_ANSWER_HEADER_BYTES,
  W_FIRST_IN,
  W_FIRST_OUT,
};

enum {
  L_TIME,
  L_MICROSECOND,
  L_FLOW,
  L_REQUEST_START,
  L_REQUEST_END,
  L_RESPONSE_START,
  L_RESPONSE_END,
  L_BODY_BYTES,
  L_ANSWER_BODY_BYTES,
  L_BYTES_IN,
  L_BYTES_OUT,
  L_AGAIN_IN,
  L_AGAIN_OUT,
  L_GAP_BYTES,
  L_COUNT,
};

#define REQUEST_SEEN 1
#define RESPONSE_SEEN 2
#define REQUEST_COMPLETE 4
#define RESPONSE_COMPLETE 8
#define MIDSTREAM 16
#define TRUNCATED 32

#define LARGEST 9007199254740991.0
#define NEVER -1

static const char DIGITS[200] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

#define PUT(to, text) put_text(to, text, sizeof(text) - 1)

static inline int put_text(int to, const char *text, int length) {
  for (int at = 0; at < length; at += 16) store(to + at, wasm_v128_load(text + at));
  return to + length;
}

static inline void two_digits(u8 *at, u32 value) { __builtin_memcpy(at, DIGITS + value * 2, 2); }

/* At most 16 digits. */
static NOINLINE int put_whole(int to, u64 value) {
  u8 digits[32];
  int first = 16;
  while (value > 0xffffffff) {
    const u64 rest = value / 100;
    two_digits(digits + (first -= 2), value - rest * 100);
    value = rest;
  }
  u32 small = value;
  while (small >= 100) {
    two_digits(digits + (first -= 2), small % 100);
    small /= 100;
  }
  if (small >= 10) two_digits(digits + (first -= 2), small);
  else digits[--first] = '0' + small;
  store(to, wasm_v128_load(digits + first));
  return to + 16 - first;
}

static inline int put_large(int to, int place) { return put_whole(to, (u64)LINE_LARGE[place]); }

/* Milliseconds with up to three digits. */
static NOINLINE int put_span(int to, int known, double from, double until) {
  if (!known || from == NEVER || until == NEVER || until < from) return PUT(to, "null");
  const u64 span = (u64)(until - from);
  u32 rest = span % 1000;
  to = put_whole(to, span / 1000);
  if (rest == 0) return to;
  to = put(to, '.');
  for (u32 unit = 100; rest > 0; unit /= 10) {
    to = put(to, '0' + rest / unit);
    rest %= unit;
  }
  return to;
}

/* Kept text is long: 64 octets at a time. */
static NOINLINE int put_range(int to, int start, int end) {
  const int length = end - start;
#pragma clang loop unroll(disable)
  for (int at = 0; at < length; at += 64)
    for (int part = 0; part < 64; part += 16) store(to + at + part, load(start + at + part));
  return to + length;
}

static inline int put_kept(int to, int start) { return put_range(to, LINE_WHOLE[start], LINE_WHOLE[start + 1]); }

static inline int put_endpoint(int to, int address, int port) {
  const u32 word = LINE_WHOLE[address];
  to = put(put_whole(to, word >> 24), '.');
  to = put(put_whole(to, word >> 16 & 255), '.');
  to = put(put_whole(to, word >> 8 & 255), '.');
  to = PUT(put_whole(to, word & 255), "\",\"port\":");
  return put_whole(to, LINE_WHOLE[port]);
}

static int put_flow(int to) {
  to = PUT(to, ",\"id\":\"");
  to = put(put_large(to, L_FLOW), '.');
  to = PUT(put_whole(to, LINE_WHOLE[W_DEPTH]), "\",\"flow\":{\"id\":");
  to = PUT(put_large(to, L_FLOW), ",\"client\":{\"ip\":\"");
  to = PUT(put_endpoint(to, W_CLIENT_ADDRESS, W_CLIENT_PORT), "},\"server\":{\"ip\":\"");
  to = put_kept(put_endpoint(to, W_SERVER_ADDRESS, W_SERVER_PORT), W_FLOW_END_START);
  return put_whole(PUT(to, ",\"depth\":"), LINE_WHOLE[W_DEPTH]);
}

static int put_version(int to) {
  const int version = LINE_WHOLE[W_VERSION];
  if (version == 11) return PUT(to, ",\"http\":{\"version\":\"1.1\",\"upgrade\":null},\"request\":");
  to = put_whole(PUT(to, ",\"http\":{\"version\":\""), version / 10);
  if (version < 20 || version % 10 != 0) to = put_whole(put(to, '.'), version % 10);
  return PUT(to, "\",\"upgrade\":null},\"request\":");
}

/* `,"name":"value"`, or null when it is absent. */
#define PUT_OPTIONAL(to, name, start, end)                                                              \
  ((start) < 0 ? PUT(to, ",\"" name "\":null")                                                          \
               : put(put_range(PUT(to, ",\"" name "\":\""), start, end), '"'))

static int put_request(int to) {
  const int *w = LINE_WHOLE;
  to = put_kept(PUT(to, "{\"method\":\""), W_METHOD_START);
  to = put(put_kept(PUT(to, "\",\"target\":\""), W_TARGET_START), '"');
  to = PUT_OPTIONAL(to, "host", w[W_HOST_START], w[W_HOST_END]);
  to = PUT_OPTIONAL(to, "path", w[W_PATH_START], w[W_PATH_END]);
  to = PUT_OPTIONAL(to, "query", w[W_QUERY_START], w[W_TARGET_END]);
  to = put_kept(PUT(to, ",\"fields\":["), W_FIELDS_START);
  to = put_whole(PUT(to, "],\"header_bytes\":"), w[W_HEADER_BYTES]);
  to = put_large(PUT(to, ",\"body_bytes\":"), L_BODY_BYTES);
  to = PUT_OPTIONAL(to, "content_type", w[W_TYPE_START], w[W_TYPE_END]);
  to = PUT_OPTIONAL(to, "user_agent", w[W_AGENT_START], w[W_AGENT_END]);
  return put(to, '}');
}

static int put_response(int to) {
  const int *w = LINE_WHOLE;
  to = put_whole(PUT(to, "{\"status\":"), w[W_STATUS]);
  to = put_kept(PUT(to, ",\"reason\":\""), W_REASON_START);
  to = put_kept(PUT(to, "\",\"fields\":["), W_ANSWER_FIELDS_START);
  to = put_whole(PUT(to, "],\"header_bytes\":"), w[W_ANSWER_HEADER_BYTES]);
  to = put_large(PUT(to, ",\"body_bytes\":"), L_ANSWER_BODY_BYTES);
  to = PUT_OPTIONAL(to, "content_type", w[W_ANSWER_TYPE_START], w[W_ANSWER_TYPE_END]);
  return put(to, '}');
}

static inline int put_outcome(int to) {
  switch (LINE_WHOLE[W_OUTCOME]) {
    case 0:
      return PUT(to, ",\"outcome\":\"complete\",\"latency_ms\":{\"ttfb\":");
    case 1:
      return PUT(to, ",\"outcome\":\"no-response\",\"latency_ms\":{\"ttfb\":");
    case 2:
      return PUT(to, ",\"outcome\":\"aborted\",\"latency_ms\":{\"ttfb\":");
    default:
      return PUT(to, ",\"outcome\":\"gap\",\"latency_ms\":{\"ttfb\":");
  }
}

static int put_times(int to, int flags) {
  const double *l = LINE_LARGE;
  const int answered = (flags & REQUEST_SEEN) && (flags & RESPONSE_SEEN);
  to = put_span(put_outcome(to), answered, l[L_REQUEST_START], l[L_RESPONSE_START]);
  to = PUT(to, ",\"total\":");
  to = put_span(to, answered && flags & RESPONSE_COMPLETE, l[L_REQUEST_START], l[L_RESPONSE_END]);
  to = PUT(to, ",\"upload\":");
  to = put_span(to, flags & REQUEST_SEEN && flags & REQUEST_COMPLETE, l[L_REQUEST_START], l[L_REQUEST_END]);
  to = PUT(to, ",\"think\":");
  return put_span(to, answered && flags & REQUEST_COMPLETE, l[L_REQUEST_END], l[L_RESPONSE_START]);
}

static int put_bytes(int to) {
  to = put_large(PUT(to, "},\"bytes\":{\"in\":"), L_BYTES_IN);
  to = put_large(PUT(to, ",\"out\":"), L_BYTES_OUT);
  to = put_large(PUT(to, ",\"in_retransmitted\":"), L_AGAIN_IN);
  to = put_large(PUT(to, ",\"out_retransmitted\":"), L_AGAIN_OUT);
  to = put_whole(PUT(to, ",\"in_first_packet\":"), LINE_WHOLE[W_FIRST_IN]);
  return put_whole(PUT(to, ",\"out_first_packet\":"), LINE_WHOLE[W_FIRST_OUT]);
}

static int put_end(int to, int flags) {
  to = PUT(to, "},\"process\":{\"client\":null,\"server\":null},\"kernel_ms\":null,\"quality\":{\"midstream\":");
  to = flags & MIDSTREAM ? PUT(to, "true") : PUT(to, "false");
  to = put_large(PUT(to, ",\"gap_bytes\":"), L_GAP_BYTES);
  if (flags & TRUNCATED) return PUT(to, ",\"truncated\":true},\"anomalies\":[]}\n");
  return PUT(to, ",\"truncated\":false},\"anomalies\":[]}\n");
}

/* Numbers that are whole and not too large; a time may be NEVER. */
static int all_usual(void) {
  for (int place = 0; place < L_COUNT; place++) {
    const double value = LINE_LARGE[place];
    const int may_be_never = place >= L_REQUEST_START && place <= L_RESPONSE_END;
    if (may_be_never && value == NEVER) continue;
    if (!(value >= 0 && value <= LARGEST) || (double)(u64)value != value) return 0;
  }
  return 1;
}

/* Writes the line at `to`; gives its end, or -1, and then a number is one that only broken captures have. */
EXPORT(line) int line(int to) {
  if (!all_usual()) return -1;
  const int flags = LINE_WHOLE[W_FLAGS];
  to = put_kept(to, W_PREFIX_START);
  const u32 micros = (u32)LINE_LARGE[L_MICROSECOND];
  two_digits((u8 *)to, micros / 10000);
  two_digits((u8 *)to + 2, micros / 100 % 100);
  two_digits((u8 *)to + 4, micros % 100);
  to = put_large(PUT(to + 6, "Z\",\"time_us\":"), L_TIME);
  to = put_version(put_flow(to));
  to = flags & REQUEST_SEEN ? put_request(to) : PUT(to, "null");
  to = PUT(to, ",\"response\":");
  to = flags & RESPONSE_SEEN ? put_response(to) : PUT(to, "null");
  return put_end(put_bytes(put_times(to, flags)), flags);
}
