/** What to do with the value of a name: copy it, hide all of it, or treat it by its grammar. */
export const PLAIN = 0;
export const SECRET = 1;
/** `scheme credentials` (RFC 9110 section 11.4) and challenges (section 11.6.1). */
export const CREDENTIALS = 2;
export const COOKIE = 3;
export const SET_COOKIE = 4;
export const URL_VALUE = 5;
/** URLs in angle brackets (RFC 8288). */
export const LINK = 6;
/** `Sec-WebSocket-Protocol`: a list in which browsers send tokens, as they cannot set other fields. */
export const PROTOCOL_LIST = 7;
/** Nothing known of the name: the value is searched for what has the shape of a secret. */
export const UNKNOWN = 8;
