/**
 * Captures of the corpus on which our answer and the oracle's (tshark's) differ, each looked at by hand. The lines are
 * the whole disagreement, cut at 110 characters: `corpus.test.ts` compares them exactly, so that a regression and an
 * improvement both show. docs/known-differences.md has the rest as a table, made from here.
 */

export interface KnownDifference {
  readonly lines: readonly string[];
  readonly ours: string;
  readonly tshark: string;
  /** Zeek, Suricata, nDPI and others, where they tell. */
  readonly others: string;
  readonly why: string;
}

export const KNOWN_DIFFERENCES: Readonly<Record<string, KnownDifference>> = {
  "ndpi__fuzz-2006-09-29-28586": {
    lines: [
      "requests: missing 1 POST /servlets/mms",
      "requests: missing 1 POST /ppgctrl/ppgcon%s",
      "requests: extra 1 POST /ppgctrl/ppgcon%s\u0000llogic.dll",
      "responses: extra 1 200",
      "pairs: missing 1 POST /ppgctrl/ppgcon%s 202",
      "pairs: extra 1 POST /ppgctrl/ppgcon%s\u0000llogic.dll 202",
    ],
    ours: "one request `POST /ppgctrl/ppgcon%s llogic.dll` (`http1.target-invalid`), and a response `200` alone",
    tshark:
      "the request with the target `/ppgctrl/ppgcon%s`; one more `POST /servlets/mms` by its option to show bodies in part",
    others: "nDPI: HTTP on the same flows",
    why: "A fuzzed capture: octets of heads were changed, checksums are wrong. The bytes after the blank of the target are no HTTP version, so the white space is read as part of the target and told. tshark's answer depends on its settings.",
  },
  ndpi__http_on_sip_port: {
    lines: [
      "responses: extra 1 403",
      "pairs: extra 1 GET /star-123456/index.m3u8?token=89b198b8844824ca15b8b379c26fc1b7dfcba368-5KUJTJ5Y73AGIAOV-16…",
    ],
    ours: "`GET … > 403 aborted`",
    tshark: "the request, without its response",
    others: "nDPI: HTTP, status 403",
    why: "The response's body ends behind the capture. tshark waits for it; the head is there.",
  },
  "pcap2har-go__insecure": {
    lines: [
      "requests: extra 1 GET /admin/fish-and-chips",
      "responses: extra 1 200",
      "pairs: extra 1 GET /admin/fish-and-chips 200",
    ],
    ours: "one exchange more, `GET /admin/fish-and-chips > 200`",
    tshark: "20 of the 21 exchanges that the raw bytes hold",
    others: "",
    why: "The raw bytes hold 21 requests and 21 status lines, as we say. The client used port 34980, which tshark takes for EtherCAT.",
  },
  "pcpp__Tests_Fuzzers_RegressionTests_regression_samples__clusterfuzz-testcase-minimized-Fuz-2": {
    lines: ["requests: missing 1 PUT "],
    ours: "nothing",
    tshark: "a request `PUT` without a target",
    others: "",
    why: "A fuzzer's packet that claims a length of gigabytes; its octets are `PUT` and noise, not a request line that ends in an HTTP version.",
  },
  "sv__detect-pcre__detect-pcre-04": {
    lines: [
      "requests: missing 1 POST ",
      "requests: missing 1 GET ",
      "requests: extra 1 POST /",
      "requests: extra 1 GET /",
    ],
    ours: "`POST /` and `GET /` (`http1.request-line-whitespace`)",
    tshark: "both with an empty target",
    others: "Suricata: the alert on `GET` that we would give",
    why: "Two blanks between method and target. Lenient servers skip them (RFC 9112 section 3); tshark takes the second for the end of an empty target.",
  },
  "sv__detect-pcre__detect-pcre-05": {
    lines: ["requests: missing 1 GET ", "requests: extra 1 GET /"],
    ours: "`GET /` (`http1.request-line-whitespace`)",
    tshark: "an empty target",
    others: "Suricata: flows and alerts only",
    why: "As detect-pcre-04.",
  },
  "sv__http-evader-468": {
    lines: ["responses: extra 1 20"],
    ours: "`GET /broken/eicar.txt/20x > 20` (`http1.status-invalid`)",
    tshark: "the same",
    others: "Suricata: the exchange with its file",
    why: "No disagreement: the status is `20x`. The comparison leaves statuses below 200 out on the oracle's side only.",
  },
  "sv__http-multiple-cl": {
    lines: ["requests: missing 1 POST /bad.php", "requests: extra 1 POST /evil.php"],
    ours: "`POST /which.php > 501` (`http1.content-length-conflict`), then `POST /evil.php`",
    tshark: "`POST /which.php`, then `POST /bad.php`",
    others: "",
    why: "Two lengths that differ, 11 and 93. We read the first, tshark the last. RFC 9112 section 6.3 forbids to go on; the anomaly tells that another reader may see another request.",
  },
  "sv__sets-11-longstring": {
    lines: [
      "pairs: missing 1 GET /tototototototototototototototototototototototototototototototototototototototototototot…",
      "pairs: extra 1 GET /totototototototototototototototototototototototototototototototototototototototototototot…",
    ],
    ours: "the target in full, its exchange as a pair",
    tshark: "the target cut",
    others: "",
    why: "Requests and responses agree. The oracle's list of pairs has the target cut, its list of requests has it in full.",
  },
  "sv__tcp-urgp-01-oob__tcp-urgent1": {
    lines: ["requests: extra 1 GET /malicious", "pairs: extra 1 GET /malicious 200"],
    ours: "`GET /malicious > 200` (`tcp.urgent-data`)",
    tshark: "the response alone: the target has an octet in it that its request line does not survive",
    others: "Suricata: by its setting `stream.reassembly.urgent.policy`",
    why: "An octet sent as urgent data (RFC 6093). Linux takes it out of the stream, so the server read `/malicious`; the answer proves it.",
  },
  "sv__transform-base64-7296": {
    lines: ["requests: extra 2 GET /eicar"],
    ours: "three requests `GET /eicar`, one of them answered by 206",
    tshark: "one request, and a response without a status",
    others: "",
    why: "A fuzzed capture, the raw bytes of which hold three requests. One packet has a time two years ahead, which ends all flows as idle; the request that is sent again behind it begins a flow of its own (`quality.midstream`).",
  },
  "sv__uricontent__detect-uricontent-04": {
    lines: ["requests: extra 1 GET /../../images.gif"],
    ours: "`GET /../../images.gif`",
    tshark: "nothing: the client's port is 53, which is DNS for tshark",
    others: "Suricata: one HTTP event",
    why: "HTTP is found by its bytes on any port.",
  },
  "tcpflow__tests__test5-lines-randomized": {
    lines: ["pairs: extra 1 GET /lines.txt 200"],
    ours: "`GET /lines.txt > 200`",
    tshark: "both halves, not as a pair",
    others: "tcpflow's own expectation: the whole file in order",
    why: "All packets are shuffled, the handshake too. Numbers put them in order; tshark's pairing gives up.",
  },
  "zeek__doc_advanced_devel_plugins_connkey-vxlan-fivetuple-plugin-src_Traces__vxlan-overlapp": {
    lines: [
      "requests: extra 2 GET /download/CHANGES.bro-aux.txt",
      "responses: extra 2 200",
      "pairs: extra 2 GET /download/CHANGES.bro-aux.txt 200",
    ],
    ours: "three exchanges, one in each VXLAN network",
    tshark: "one exchange",
    others: "Zeek with the plug-in that this capture documents: three connections",
    why: "Equal addresses and ports in different networks are different flows. tshark takes them for retransmissions.",
  },
  "zeek__http_261__variant-09-te_obs_fold": {
    lines: ["requests: extra 1 GET /smuggled-obsfold"],
    ours: "two requests, `POST /` and `GET /smuggled-obsfold` (`http1.obs-fold`)",
    tshark: "`POST /` alone",
    others: "Zeek: both requests",
    why: "`Transfer-Encoding` folded over two lines hides `chunked` from readers that do not unfold. Zeek and we unfold.",
  },
  "zeek__http__http-lower-case-nonstandard-port": {
    lines: ["responses: extra 1 200", "pairs: extra 1 GET /index.html 200"],
    ours: "`GET /index.html > 200` (`http1.version-invalid`)",
    tshark: "the request alone",
    others: "Zeek: the exchange with status 200",
    why: "The response's version is in lower case (`http/1.1`).",
  },
  "zeek__http__http-lower-case": {
    lines: ["responses: extra 1 200", "pairs: extra 1 GET /index.html 200"],
    ours: "`GET /index.html > 200` (`http1.version-invalid`)",
    tshark: "the request alone",
    others: "Zeek: the exchange with status 200",
    why: "As above, on port 80.",
  },
  "zeek__http__query-method-non-standard-port": {
    lines: ["requests: extra 1 QUERY /users", "pairs: extra 1 QUERY /users 200"],
    ours: "`QUERY /users > 200`",
    tshark: "the response alone",
    others: "Zeek: the exchange",
    why: "Any token is a method; tshark 4.0 knows a list.",
  },
  "zeek__tcp-http-with-padding": {
    lines: ["requests: extra 1 GET /", "pairs: extra 1 GET / 200"],
    ours: "`GET / > 200`",
    tshark: "the response alone",
    others: "Zeek: the exchange",
    why: "Typed by hand in single octets, on port 27272, in frames with padding. tshark guesses by the first segment; octets behind the IP length are padding, not data.",
  },
  "zeek__vlan-collisions": {
    lines: [
      "requests: extra 2 GET /download/CHANGES.bro-aux.txt",
      "responses: extra 2 200",
      "pairs: extra 2 GET /download/CHANGES.bro-aux.txt 200",
    ],
    ours: "three exchanges, one in each VLAN",
    tshark: "one exchange",
    others: "Zeek with VLANs in the connection's key: three connections",
    why: "As vxlan-overlapping.",
  },
};

/** Captures with HTTP that needs TLS keys, and captures with HTTP/2: they count once those protocols come. */
export const AWAITED: Readonly<Record<"HTTP/2" | "TLS keys", readonly string[]>> = {
  "HTTP/2": [
    "pfex__http2_sample-ng",
    "pfex__http2_sample",
    "sv__dns-over-http2-limit",
    "sv__dns-over-http2-post__dns_over_https_POST",
    "sv__http2-authority-mismatch__authority_and_host_2",
    "sv__http2-bugfixes",
    "sv__http2-compression-bug",
    "sv__http2-continuation",
    "sv__http2-deflate-case",
    "sv__http2-deflate__http2_deflate",
    "sv__http2-errorcode",
    "sv__http2-long-frame",
    "sv__http2-range__http2-range",
    "sv__http2-userinfo-authority__http2_userinfo_in_authority_1",
    "wireshark__grpc_person_search_protobuf_with_image",
    "wireshark__grpc_stream_reassembly_sample",
    "wireshark__grpc_web",
    "wireshark__http2-brotli",
    "wireshark__http2_follow_multistream",
    "wireshark__packet-h2-14_headers",
  ],
  "TLS keys": [
    "hotplace__applet_httpserver2__httpserver2-mldsa",
    "hotplace__testcase_tls_http__curl_http1_tls12",
    "hotplace__testcase_tls_http__http1",
    "hotplace__testcase_tls_http__http2",
    "hotplace__testcase_tls_http__http2_trial",
    "pcapfs__crypto__tls1-aes128-cbc-file_e_large",
    "pcapfs__crypto_all_ciphers_test__all_ciphers",
    "wireshark__http2-data-reassembly",
    "wireshark__tls12-dsb",
    "zeek__tls__tls12-decryption",
  ],
};
