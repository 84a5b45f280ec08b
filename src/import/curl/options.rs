//! The options of curl, by what they mean for a scenario. Those that `super` reads are named there.

/// Options without a value that say nothing about a request: what curl prints, and where to.
const OUTPUT_FLAGS: &str = "silent show-error verbose include progress-bar progress-meter styled-output buffer fail fail-early \
     fail-with-body remote-name remote-name-all remote-header-name remote-time create-dirs clobber parallel parallel-immediate \
     xattr trace-time trace-ids disable globoff basic tcp-nodelay keepalive suppress-connect-headers remove-on-error alpn npn ssl \
     ssl-reqd http1.1 ipv4 raw skip-existing";
/// Options with a value that say nothing about a request.
const OUTPUT_VALUES: &str = "output output-dir write-out dump-header stderr trace trace-ascii trace-config parallel-max \
     parallel-max-host libcurl create-file-mode etag-save cookie-jar rate limit-rate keepalive-time keepalive-cnt speed-limit \
     speed-time happy-eyeballs-timeout-ms expect100-timeout max-filesize";
/// Other options without a value.
const FLAGS: &str = "anyauth append ca-native cert-status compressed-ssh crlf digest disable-eprt disable-epsv \
     disallow-username-in-url doh-cert-status doh-insecure ech false-start form-escape ftp-create-dirs ftp-pasv ftp-pret \
     ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-control get haproxy-protocol head http0.9 http1.0 http2 http2-prior-knowledge http3 \
     http3-only ignore-content-length insecure ipv6 junk-session-cookies list-only location location-trusted \
     mail-rcpt-allowfails metalink negotiate netrc netrc-optional next ntlm ntlm-wb path-as-is post301 post302 post303 \
     proxy-anyauth proxy-basic proxy-ca-native proxy-digest proxy-http2 proxy-insecure proxy-negotiate proxy-ntlm \
     proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxytunnel retry-all-errors retry-connrefused sasl-ir sessionid \
     socks5-basic socks5-gssapi socks5-gssapi-nec ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-revoke-best-effort sslv2 \
     sslv3 tcp-fastopen tftp-no-options tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding use-ascii compressed mptcp \
     tls-earlydata";
/// Other options with a value.
const VALUES: &str = "abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout \
     connect-to continue-at cookie crlfile curves data data-ascii data-binary data-raw data-urlencode delegation dns-interface \
     dns-ipv4-addr dns-ipv6-addr dns-servers doh-url egd-file engine etag-compare form form-string ftp-account \
     ftp-alternative-to-user ftp-method ftp-port ftp-ssl-ccc-mode haproxy-clientip header help hostpubmd5 hostpubsha256 hsts \
     interface ip-tos json key key-type krb local-port login-options mail-auth mail-from mail-rcpt max-redirs max-time \
     netrc-file noproxy oauth2-bearer pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath \
     proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass \
     proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user \
     proxy1.0 pubkey quote random-file range referer request request-target resolve retry retry-delay retry-max-time \
     sasl-authzid service-name sigalgs socks4 socks4a socks5 socks5-gssapi-service socks5-hostname telnet-option tftp-blksize \
     time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser unix-socket upload-file upload-flags url url-query user \
     user-agent variable vlan-priority";
/// Letters and the options that they are short for.
const SHORT: [(char, &str); 59] = [
    ('#', "progress-bar"),
    (':', "next"),
    ('0', "http1.0"),
    ('1', "tlsv1"),
    ('2', "sslv2"),
    ('3', "sslv3"),
    ('4', "ipv4"),
    ('6', "ipv6"),
    ('a', "append"),
    ('A', "user-agent"),
    ('b', "cookie"),
    ('B', "use-ascii"),
    ('c', "cookie-jar"),
    ('C', "continue-at"),
    ('d', "data"),
    ('D', "dump-header"),
    ('e', "referer"),
    ('E', "cert"),
    ('f', "fail"),
    ('F', "form"),
    ('g', "globoff"),
    ('G', "get"),
    ('h', "help"),
    ('H', "header"),
    ('i', "include"),
    ('I', "head"),
    ('j', "junk-session-cookies"),
    ('J', "remote-header-name"),
    ('k', "insecure"),
    ('K', "config"),
    ('l', "list-only"),
    ('L', "location"),
    ('m', "max-time"),
    ('M', "manual"),
    ('n', "netrc"),
    ('N', "no-buffer"),
    ('o', "output"),
    ('O', "remote-name"),
    ('p', "proxytunnel"),
    ('P', "ftp-port"),
    ('q', "disable"),
    ('Q', "quote"),
    ('r', "range"),
    ('R', "remote-time"),
    ('s', "silent"),
    ('S', "show-error"),
    ('t', "telnet-option"),
    ('T', "upload-file"),
    ('u', "user"),
    ('U', "proxy-user"),
    ('v', "verbose"),
    ('V', "version"),
    ('w', "write-out"),
    ('x', "proxy"),
    ('X', "request"),
    ('Y', "speed-limit"),
    ('y', "speed-time"),
    ('z', "time-cond"),
    ('Z', "parallel"),
];

/// What is known of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether a value follows it.
    pub takes_value: bool,
    /// Whether it says something about the request.
    pub is_of_request: bool,
}

/// Returns what is known of a long option, without its dashes.
pub(super) fn long(name: &str) -> Option<Known> {
    let is_in = |list: &str| list.split_whitespace().any(|known| known == name);
    [
        (OUTPUT_FLAGS, false, false),
        (OUTPUT_VALUES, true, false),
        (FLAGS, false, true),
        (VALUES, true, true),
    ]
    .into_iter()
    .find(|(list, ..)| is_in(list))
    .map(|(_, takes_value, is_of_request)| Known {
        takes_value,
        is_of_request,
    })
}

/// Returns the long option that a letter is short for.
pub(super) fn short(letter: char) -> Option<&'static str> {
    SHORT
        .iter()
        .find(|(known, _)| *known == letter)
        .map(|(_, name)| *name)
}
