/*
 * Hides secrets in values of the usual grammars: URLs, cookies, values that are secret as a whole. The reference is
 * src/redact (url.ts, credentials.ts, mark.ts), which is held to the same octets by property tests. What a name stands
 * for is decided there too: names that it was never asked make the kernel give up on the value (-1).
 */
#include "kernel.h"

enum { PLAIN, SECRET_NAME };
/* how URLs are read: src/redact/url.ts */
enum { TARGET, LINKS, FREE };

/*
 * Sets of octets below 128, as `in_set` wants them. SPECIAL is what a URL is looked at for; the names are those of url.ts.
 */
typedef const u8 Set[16];
static Set SPECIAL = {0x00, 0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00, 0x00, 0x00, 0x18, 0x08, 0x00, 0x08, 0x08, 0x0c}; /* % J : " = ? & ; # > / */
static Set FREE_SPECIAL = {0x04, 0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x04, 0x04, 0x01, 0x19, 0xa8, 0x0c, 0x09, 0x08, 0x0c}; /* the same and the next */
static Set WORD_BREAKS = {0x04, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x04, 0x04, 0x01, 0x01, 0xa0, 0x0c, 0x01, 0x08, 0x00}; /* blanks, line ends, , " ' < > { ( [ */
static Set AUTHORITY_ENDS = {0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c}; /* / ? # */
static Set FREE_AUTHORITY_ENDS = {0x04, 0x00, 0x04, 0x04, 0x00, 0x00, 0x04, 0x04, 0x00, 0x01, 0x01, 0x00, 0x0c, 0x01, 0x08, 0x0c}; /* / ? # & , < > " ' and blanks */
static Set FREE_VALUE_ENDS = {0x04, 0x00, 0x04, 0x00, 0x00, 0x00, 0x04, 0x04, 0x00, 0x01, 0x01, 0x08, 0x0c, 0x01, 0x08, 0x00}; /* & , ; " ' < > and blanks */
static Set PATH_PARAMETER_ENDS = {0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x0c}; /* / ? ; # */
static Set PAIR_OPENERS = {0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x08}; /* ? & ; # */

static inline int is_in(u8 c, Set set) { return set[c & 15] >> (c >> 4) & (c < 128); }
static inline int is_digit(u8 c) { return c >= '0' && c <= '9'; }

/* ---- marks: src/redact/mark.ts */

static NOINLINE int begins_with(int at, int end, const char *text, int length) {
  if (end - at < length) return 0;
  for (int i = 0; i < length; i++)
    if (octet(at + i) != (u8)text[i]) return 0;
  return 1;
}

/* End of the mark that begins at `start`, or -1. */
static int mark_end(int start, int end) {
  if (!begins_with(start, end, "<redacted:", 10)) return -1;
  int at = start + 10;
  const int digits = at;
  while (at < end && at - digits < 10 && is_digit(octet(at))) at++;
  if (at == digits) return -1;
  if (begins_with(at, end, ":hash=", 6)) {
    at += 6;
    const int hash = at;
    while (at < end && at - hash < 8 && (is_digit(octet(at)) || (octet(at) >= 'a' && octet(at) <= 'f'))) at++;
    if (at - hash != 8) return -1;
  }
  return at < end && octet(at) == '>' ? at + 1 : -1;
}

/* Writes the mark for the secret `[start, end)`. */
static NOINLINE int mark(int start, int end, int to) {
  if (start >= end) return to;
  if (octet(start) == '<' && mark_end(start, end) == end) return copy_octets(start, end, to);
  store(to, wasm_i8x16_const('<', 'r', 'e', 'd', 'a', 'c', 't', 'e', 'd', ':', 0, 0, 0, 0, 0, 0));
  return put(put_number(end - start, to + 10), '>');
}

/* ---- cookies: src/redact/credentials.ts */

static inline int skip_blanks(int at, int end) {
  while (at < end && is_blank(octet(at))) at++;
  return at;
}

static int cookie_pair(int start, int end, int to) {
  const int equals = find_octet('=', start, end);
  if (equals == end || (octet(start) == '<' && mark_end(start, end) == end)) return mark(start, end, to);
  const int kind = equals == start ? PLAIN : kind_of_name(COOKIE_NAMES, start, equals - start);
  if (kind < 0) return -1;
  if (kind == PLAIN) return copy_octets(start, end, to);
  return mark(equals + 1, end, copy_octets(start, equals + 1, to));
}

static int cookie(int from, int end, int to) {
  while (from < end) {
    const int start = skip_blanks(from, end);
    to = copy_octets(from, start, to);
    from = find_octet(';', start, end);
    to = cookie_pair(start, from, to);
    if (to < 0) return -1;
    if (from < end) to = put(to, octet(from++));
  }
  return to;
}

static int set_cookie(int from, int end, int to) {
  int at = find_octet(';', from, end);
  to = cookie_pair(from, at, to);
  if (to < 0) return -1;
  while (at < end) {
    to = put(to, octet(at++));
    const int start = skip_blanks(at, end);
    to = copy_octets(at, start, to);
    at = find_octet(';', start, end);
    const int name_end = find_octet('=', start, at);
    int kind = SECRET_NAME;
    if (name_end > start) kind = kind_of_name(ATTRIBUTE_NAMES, start, name_end - start);
    if (kind < 0) return -1;
    to = kind == PLAIN ? copy_octets(start, at, to) : mark(start, at, to);
  }
  return to;
}

/* ---- URLs: src/redact/url.ts, whose functions these are, one by one */

#define ENCODED 256

static inline int hex_digit(u8 c) {
  if (is_digit(c)) return c - '0';
  const u8 lower = c | 32;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline int decoded_at(int at, int end) {
  const u8 c = octet(at);
  if (c != '%' || at + 2 >= end) return c;
  const int high = hex_digit(octet(at + 1)), low = hex_digit(octet(at + 2));
  return high < 0 || low < 0 ? c : ENCODED | high << 4 | low;
}
static inline int width_of(int decoded) { return decoded >= ENCODED ? 3 : 1; }

static inline int is_token_octet(u8 c) {
  const u8 lower = c | 32;
  return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_';
}

#define TOKEN_HEAD 12

/* End of the JSON Web Token that begins with `eyJ` at `start`, also a cut one; -1 when it is none. */
static int web_token_end(int start, int end) {
  if (octet(start) != 'e' || octet(start + 1) != 'y') return -1;
  int at = start + 3;
  while (at < end && is_token_octet(octet(at))) at++;
  if (at - start < TOKEN_HEAD) return -1;
  if (at == end) return at;
  if (octet(at) != '.') return -1;
  for (int part = 0; part < 4 && at < end && octet(at) == '.'; part++) {
    at++;
    while (at < end && is_token_octet(octet(at))) at++;
  }
  return at;
}

static inline int is_token_start(int at, int start) {
  return at == start || !is_token_octet(octet(at - 1)) || (at - 3 >= start && octet(at - 3) == '%');
}

typedef struct {
  int end, mode;
  int in_path, pair_start, pair_encoded;
  /* the last string in quotes, and where its quote ended */
  int string_start, string_end, quote_end;
  int resume_at;
} Url;

static int write_userinfo(Url *url, int start, int to) {
  const int end = url->end;
  int last = -1, colon = -1;
  int at = mark_end(start, end);
  if (at <= 0) at = start;
  while (at < end) {
    const int decoded = decoded_at(at, end);
    const u8 c = decoded & 255;
    if (c == '@') last = at;
    else if (c == ':' && colon < 0 && last < 0) {
      colon = at + width_of(decoded);
      const int marked = mark_end(colon, end);
      if (marked > 0) {
        at = marked;
        continue;
      }
    } else if (is_in(c, url->mode == FREE ? FREE_AUTHORITY_ENDS : AUTHORITY_ENDS) || (c == '&' && !url->in_path) ||
               (c == '>' && url->mode == LINKS))
      break;
    at += width_of(decoded);
  }
  url->resume_at = start;
  if (last < 0) return to;
  url->resume_at = last;
  const int secret = colon < 0 ? start : colon;
  return mark(secret, last, copy_octets(start, secret, to));
}

static inline int ends_value(const Url *url, int at) {
  const u8 c = octet(at);
  if (url->mode == FREE) return is_in(c, FREE_VALUE_ENDS);
  if (c == '>' && url->mode == LINKS) return 1;
  if (url->in_path && !url->pair_encoded) return is_in(c, PATH_PARAMETER_ENDS);
  if (c == '&') return 1;
  return url->pair_encoded && decoded_at(at, url->end) == (ENCODED | '&');
}

static int write_value(Url *url, int start, int to) {
  const int end = url->end;
  if (url->mode == FREE && octet(start) == '"') {
    to = put(to, '"');
    url->resume_at = start + 1 < end ? find_octet('"', start + 1, end) : end;
    return mark(start + 1, url->resume_at, to);
  }
  int at = mark_end(start, end);
  if (at < start) at = start;
  while (at < end && !ends_value(url, at)) at++;
  url->resume_at = at;
  return mark(start, at, to);
}

static int write_json_value(Url *url, int start, int to) {
  const int end = url->end;
  int value = start;
  while (value < end) {
    const int decoded = decoded_at(value, end);
    if (decoded != ' ' && decoded != '+' && decoded != (ENCODED | ' ')) break;
    value += width_of(decoded);
  }
  const int first = value < end ? decoded_at(value, end) : 0;
  const int quoted = (first & 255) == '"';
  if (quoted) value += width_of(first);
  to = copy_octets(start, value, to);
  int at = mark_end(value, end);
  if (at < value) at = value;
  for (int escaped = 0; at < end;) {
    const int decoded = decoded_at(at, end);
    const u8 c = decoded & 255;
    if (decoded == '&') break;
    if (quoted ? c == '"' && !escaped : c == ',' || c == '}') break;
    escaped = c == '\\' && !escaped;
    at += width_of(decoded);
  }
  url->resume_at = at;
  return mark(value, at, to);
}

/* 1 when the value behind this name is a secret, -1 when nobody knows. */
static inline int hides(int start, int end) {
  if (end <= start) return 0;
  const int kind = kind_of_name(PARAMETER_NAMES, start, end - start);
  return kind < 0 ? -1 : kind == SECRET_NAME;
}

static int write_url(int start, int end, int to, int mode) {
  Url url = {.end = end, .mode = mode, .in_path = mode != FREE, .pair_start = mode == FREE ? start : -1, .quote_end = -1};
  int at = start;
  if (mode == TARGET && octet(start) != '/') {
    to = write_userinfo(&url, start, to);
    at = url.resume_at;
  }
  const v128_t special = wasm_v128_load(mode == FREE ? FREE_SPECIAL : SPECIAL);
  for (;;) {
    while (at < end) {
      const v128_t v = load(at);
      store(to, v);
      const u32 found = members(v, special);
      const int plain = found ? __builtin_ctz(found) : 16;
      at += plain;
      to += plain;
      if (found) break;
    }
    if (at >= end) return to - (at - end);
    const int decoded = decoded_at(at, end);
    const int encoded = decoded >= ENCODED;
    const u8 c = decoded & 255;
    const int next = at + (encoded ? 3 : 1);
    if (c == 'J' && !encoded && at - 2 >= start) {
      const int finish = web_token_end(at - 2, end);
      if (finish > 0 && is_token_start(at - 2, start)) {
        to = mark(at - 2, finish, to - 2);
        at = finish;
        continue;
      }
    }
    to = copy_octets(at, next, to);
    if (c == ':' && at == url.quote_end) {
      const int secret = url.string_start >= 0 ? hides(url.string_start, url.string_end) : 0;
      if (secret < 0) return -1;
      if (secret) {
        to = write_json_value(&url, next, to);
        at = url.resume_at;
        continue;
      }
    }
    if (c == '"') {
      url.string_start = url.quote_end;
      url.string_end = at;
      url.quote_end = next;
    }
    if (c == '=' && url.pair_start >= 0) {
      const int secret = hides(url.pair_start, at);
      if (secret < 0) return -1;
      if (secret) {
        to = write_value(&url, next, to);
        at = url.resume_at;
        url.pair_start = -1;
        continue;
      }
      url.pair_start = mode == FREE ? next : -1;
    } else if (is_in(c, PAIR_OPENERS) || (mode == FREE && is_in(c, WORD_BREAKS))) {
      url.pair_start = next;
      url.pair_encoded = encoded;
      if (!encoded && (c == '?' || c == '#')) url.in_path = 0;
    } else if (c == '>' && mode == LINKS) {
      url.in_path = 1;
    } else if (c == '/') {
      if (url.in_path) {
        url.pair_start = next;
        url.pair_encoded = encoded;
      }
      const int second = next < end ? decoded_at(next, end) : 0;
      if ((second & 255) == '/') {
        const int authority = next + width_of(second);
        to = write_userinfo(&url, authority, copy_octets(next, authority, to));
        at = url.resume_at;
        continue;
      }
    }
    at = next;
  }
}

/*
 * Copies a value that is to be treated with `care` (from SECRET_FIELD on) to `to`, secrets hidden. Gives the new end, or
 * -1 when it holds a name that was not judged yet.
 */
EXPORT(redact) int redact_value(int care, int from, int end, int to) {
  switch (care) {
    case SECRET_FIELD:
      return mark(from, end, to);
    case COOKIE_FIELD:
      return cookie(from, end, to);
    case SET_COOKIE_FIELD:
      return set_cookie(from, end, to);
    default:
      return write_url(from, end, to, care == URL_FIELD ? TARGET : care == LINK_FIELD ? LINKS : FREE);
  }
}
