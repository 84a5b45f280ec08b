//! HTML and XML: documents, and the selectors that find values in them.
//!
//! A document is one list of elements in document order. Nothing here recurses into it, so that no
//! nesting, however deep, takes more stack.

pub(crate) mod css;
mod cursor;
mod document;
mod html;
mod selection;
mod xml;
pub(crate) mod xpath;

pub(crate) use cursor::Wrong;
pub(crate) use document::Document;
pub(crate) use selection::Selection;
pub(crate) use xml::entity;

/// Reads a body as XML if its content type or its beginning says so, or else as HTML.
///
/// # Errors
/// If it is neither, is not well-formed XML, or exceeds the bounds of a document.
pub(crate) fn read(text: &str, content_type: &str) -> Result<Document, String> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let media = media.to_ascii_lowercase();
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    if media.ends_with("/xml") || media.ends_with("+xml") || begins.starts_with("<?xml") {
        xml::read(text)
    } else {
        html::read(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = r#"<!doctype html><title>Shop &amp; Co</title>
        <script>var a = "<input name=csrf value=wrong>";</script>
        <FORM id=login class="box wide"><input type=hidden name="csrf" value="t0k&quot;en"><input name=user></FORM>
        <ul class=items><li data-id=1>One<li data-id=2 class="new sold-out">Two <b>big</b><li data-id=3>Three</ul>
        <p lang=en-GB>first<p>second<table><tr><td>a<td>b<tr><td>c</table>"#;

    const ORDERS: &str = r#"<?xml version="1.0"?>
        <s:orders xmlns:s="urn:x"><order id="1"><item>a &lt; b</item><total>9.50</total></order>
        <order id="2" state="open"><item>c</item><item><![CDATA[d & e]]></item><total>7</total></order>
        <order id="3" state="open"><item>f</item></order></s:orders>"#;

    fn css(body: &str, selector: &str, attribute: Option<&str>) -> Option<String> {
        let selection = css::compile(selector, attribute).expect("a selector");
        let document = read(body, "text/html").expect("a document");
        selection.find(&document).map(|found| found.to_string())
    }

    fn xpath(body: &str, query: &str) -> Option<String> {
        let selection = xpath::compile(query).expect("a query");
        let document = read(body, "application/xml").expect("a document");
        selection.find(&document).map(|found| found.to_string())
    }

    #[test]
    fn css_selectors_find_what_a_browser_finds() {
        for (selector, attribute, found) in [
            ("title", None, Some("Shop & Co")),
            ("input[name=csrf]", Some("value"), Some("t0k\"en")),
            ("#login > input", Some("NAME"), Some("csrf")),
            (
                "form.wide.box input:nth-child(2)",
                Some("name"),
                Some("user"),
            ),
            ("form.tall input", Some("name"), None),
            ("ul li", None, Some("One")),
            ("li:last-child", None, Some("Three")),
            ("li.new", None, Some("Two big")),
            ("li[class~='sold-out'] b", None, Some("big")),
            ("li + li", Some("data-id"), Some("2")),
            ("li:first-child ~ li:last-child", Some("data-id"), Some("3")),
            (
                "li[data-id='3'], li[data-id='2']",
                Some("data-id"),
                Some("2"),
            ),
            ("[data-id^='3']", None, Some("Three")),
            ("[name$=ser]", Some("name"), Some("user")),
            ("[class*='ide']", Some("id"), Some("login")),
            ("[lang|=en]", None, Some("first")),
            ("p:nth-child(1)", None, None),
            ("tr:nth-child(2) td", None, Some("c")),
            ("td + td", None, Some("b")),
            ("script input", None, None),
            ("ul > b", None, None),
            ("* > b", None, Some("big")),
            ("li", Some("value"), None),
        ] {
            assert_eq!(
                css(PAGE, selector, attribute).as_deref(),
                found,
                "{selector}"
            );
        }
    }

    #[test]
    fn xpath_queries_find_elements_attributes_and_texts() {
        for (query, found) in [
            ("//order/@id", Some("1")),
            ("/orders/order[2]/@id", Some("2")),
            ("/s:orders/order[last()]/@id", Some("3")),
            ("/x:orders/order/@id", None),
            ("//order[@state='open'][2]/@id", Some("3")),
            ("//order[@state = \"open\" and @id='3']/item", Some("f")),
            ("//order[@state]/item[2]", Some("d & e")),
            ("//item/text()", Some("a < b")),
            ("//order[total='7']/@id", Some("2")),
            ("//order[contains(item, 'd &')]/@id", None),
            ("//order[contains(item, 'f')]/@id", Some("3")),
            ("//order[item='d & e']/@id", Some("2")),
            ("//order[text()]", None),
            ("//item[starts-with(., 'a')]", Some("a < b")),
            ("//item[text()='c']", Some("c")),
            ("//*[@id='2']/total", Some("7")),
            ("/order", None),
            ("//Order", None),
            ("count(//item)", Some("4")),
            ("count(//none)", Some("0")),
        ] {
            assert_eq!(xpath(ORDERS, query).as_deref(), found, "{query}");
        }
        let page = read(PAGE, "").expect("a page");
        let links = xpath::compile("//LI[@data-id='2']/b/text()").expect("a query");
        let found = links.find(&page).map(|found| found.to_string());
        assert_eq!(found.as_deref(), Some("big"), "names of HTML have no case");
    }

    #[test]
    fn a_wrong_selector_says_where_it_is_wrong() {
        let of = |wrong: Wrong| (wrong.at, wrong.what);
        let css = |text: &str| of(css::compile(text, None).expect_err(text));
        for (text, at, what) in [
            ("", 0, "is empty"),
            ("a >", 3, "an element is missing"),
            ("a,,b", 2, "an element is missing"),
            ("a[href", 6, "`]` is missing"),
            ("a[href=", 7, "a value is missing"),
            ("a[href='x]", 8, "the quote is not closed"),
            ("a:hover", 2, "`:hover` is not supported"),
            ("a::after", 2, "`::after` is not supported"),
            ("li:nth-child(2n)", 13, "not a number"),
            ("a $ b", 2, "`$` is not expected"),
        ] {
            let (place, why) = css(text);
            assert!(place == at && why.contains(what), "{text}: {place} {why}");
        }
        let xpath = |text: &str| of(xpath::compile(text).expect_err(text));
        for (text, at, what) in [
            ("", 0, "begins with `/`"),
            ("order/@id", 0, "begins with `/`"),
            ("//order/", 8, "a name is missing"),
            ("//order/@id/x", 11, "nothing may follow"),
            ("//order[", 8, "a condition"),
            ("//order[@id=1", 12, "a text in quotes"),
            ("//order[0]", 8, "count from 1"),
            ("//order[2", 9, "`]` is missing"),
            ("/child::a", 6, "axes"),
            ("//@id", 2, "write `//*/@id`"),
            ("count(//a", 9, "`)` is missing"),
            ("//a | //b", 4, "`|` is not expected"),
        ] {
            let (place, why) = xpath(text);
            assert!(place == at && why.contains(what), "{text}: {place} {why}");
        }
        let long = "a ".repeat(1000);
        assert!(css::compile(&long, None).is_err());
    }

    #[test]
    fn what_is_no_document_says_why() {
        let why = |body: &str, kind: &str| read(body, kind).err().unwrap_or_default();
        assert_eq!(
            why("{\"a\": 1}", "application/json"),
            "the body is neither HTML nor XML"
        );
        for (body, part) in [
            ("<a><b></a>", "not well-formed XML"),
            ("<a>", "not well-formed XML (`a` is not closed)"),
            ("text", "no element"),
        ] {
            let why = why(body, "text/xml; charset=utf-8");
            assert!(why.contains(part), "{body}: {why}");
        }
        let deep = "<a>".repeat(100_000);
        for kind in ["text/html", "text/xml"] {
            assert!(
                why(&deep, kind).contains("deeper than 512"),
                "{}",
                why(&deep, kind)
            );
        }
        let many = "<a></a>".repeat(200_000);
        assert!(why(&many, "text/html").contains("more than 100000"));
        let many = format!("<r>{many}</r>");
        assert!(why(&many, "text/xml").contains("more than 100000"));
    }

    fn hostile() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("<a b='".to_owned()),
            Just("</".to_owned()),
            Just("<li>".to_owned()),
            Just("<p/>".to_owned()),
            Just("]]>".to_owned()),
            Just("<![CDATA[".to_owned()),
            Just("&#x110000;".to_owned()),
            Just("&x;".to_owned()),
            Just("<?xml".to_owned()),
            Just("<script>".to_owned()),
            Just("<!--".to_owned()),
            Just("</tr><td>".to_owned()),
            Just("[".to_owned()),
            Just("//".to_owned()),
            Just("contains(".to_owned()),
            ".{0,6}",
        ];
        prop::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in hostile(), query in hostile()) {
            let queries = [
                css::compile(&query, Some("b")), xpath::compile(&query),
                css::compile("a li + p, * > td:last-child", None),
                xpath::compile("//a[2][contains(., 'x') and li='y']/text()"),
            ];
            for kind in ["text/html", "text/xml"] {
                if let Ok(document) = read(&body, kind) {
                    for query in queries.iter().flatten() {
                        query.find(&document);
                    }
                }
            }
        }
    }
}
