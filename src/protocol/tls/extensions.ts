/** Extension numbers that are read here (IANA "TLS ExtensionType Values"). */
export const SERVER_NAME = 0;
export const SUPPORTED_GROUPS = 10;
export const EC_POINT_FORMATS = 11;
export const SIGNATURE_ALGORITHMS = 13;
export const ALPN = 16;
export const PRE_SHARED_KEY = 41;
export const EARLY_DATA = 42;
export const SUPPORTED_VERSIONS = 43;
/** draft-ietf-tls-esni. */
export const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
/** Its forerunner, which only hid the name. */
export const ENCRYPTED_SERVER_NAME = 0xffce;
