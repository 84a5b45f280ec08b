//! Values of HTML and XML: captured, measured and split by, in every real mode.

use crate::peer::{Peer, Then};
use crate::support::{
    REAL_MODES, TO_RESULT, count, folder, number, run, run_of, scenario, side_by_side,
};

const PAGE: &str = "<!doctype html><form id=login><input type=hidden name=csrf value='a&amp;b'></form><ul><li>one<li class=chosen>two</ul>";
const ORDERS: &str =
    "<?xml version='1.0'?><orders><order id='7'><sum>2.50</sum></order><order id='8'/></orders>";

/// Starts a peer that sends the page, the orders, and back what is sent in a request's path.
fn peer() -> Peer {
    Peer::start(|line, request| {
        let (kind, body) = match request {
            "GET /page" => ("text/html", PAGE),
            "GET /orders" => ("application/xml", ORDERS),
            "GET /broken" => ("application/xml", "<a><b></a>"),
            "GET /order?id=7&csrf=a%26b&item=two" => ("text/plain", "right"),
            _ => ("text/plain", "wrong"),
        };
        let length = body.len();
        line.say(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
        Then::Listen
    })
}

#[test]
fn values_of_html_and_xml_are_captured_measured_and_split_by() {
    let peer = peer();
    let text = format!(
        "name: t
targets: {{ a: {{ url: '{}' }} }}
mix:
- flow:
  - get: /page
    capture:
      csrf: {{ css: 'input[name=csrf]', attribute: value }}
      item: {{ css: 'li.chosen' }}
      other: {{ css: 'li > b', default: x }}
    measure: {{ items: {{ xpath: count(//li), unit: count }} }}
    tag: {{ form: {{ xpath: //form/@id }} }}
  - get: /orders
    capture: {{ id: {{ xpath: '/orders/order[sum]/@id' }} }}
    measure: {{ sum: {{ css: 'order > sum', unit: total }} }}
  - get: '/order?id={{{{id}}}}&csrf={{{{urlencode(csrf)}}}}&item={{{{item}}}}'
    expect: {{ body: {{ equals: right }} }}
load: {{ vus: 2, iterations: 10 }}
thresholds: [ measure.items.max == 2, measure.sum.total == 25, {{ check: count == 10, tag: form=login }}, error_rate == 0% ]
",
        peer.url()
    );
    side_by_side(REAL_MODES, |mode| {
        let folder = folder();
        scenario(folder.path(), &text);
        run(folder.path(), &[&TO_RESULT[..], &["--mode", mode]].concat()).exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 30, "{mode}");
        assert_eq!(number(&run["measures"][0]["value"], "mean"), 2.0, "{mode}");
    });
}

#[test]
fn what_is_not_found_or_not_read_is_a_failed_capture() {
    let peer = peer();
    let folder = folder();
    let text = format!(
        "name: t
targets: {{ a: {{ url: '{}' }} }}
mix:
- flow:
  - {{ get: /page, on_error: continue, capture: {{ a: {{ css: 'input.none', attribute: value }} }} }}
  - {{ get: /broken, on_error: continue, capture: {{ a: {{ xpath: //a }} }} }}
  - {{ get: /else, on_error: continue, capture: {{ a: {{ css: a }} }} }}
load: {{ vus: 1, iterations: 1 }}
",
        peer.url()
    );
    scenario(folder.path(), &text);
    run(folder.path(), &TO_RESULT).exits(0);
    let result = crate::support::result(&folder.path().join("out"));
    let run = &result["runs"][0];
    assert_eq!(count(&run["failures"], "capture"), 3, "{}", run["errors"]);
    let errors = run["errors"].to_string();
    for part in [
        "capture `a`: nothing at attribute `value` of `input.none`",
        "capture `a`: the body is not well-formed XML (",
        "capture `a`: the body is neither HTML nor XML, seen",
    ] {
        assert!(errors.contains(part), "no {part} in {errors}");
    }
}
