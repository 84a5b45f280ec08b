//! The links of a page.

use html5gum::{Token, Tokenizer};

/// The most links that are taken from one page.
const MAX_LINKS: usize = 10_000;

/// What is followed, such as `a[href]`: an element and its attribute, in lower case.
pub(crate) type Followed = (String, String);

/// The links of a page, as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// What they are relative to, if not the page itself.
    pub base: Option<String>,
    /// The links, in their order.
    pub all: Vec<String>,
}

/// Returns the links of a page. Reads HTML like browsers do: what is in a comment or a script is not
/// a link.
pub(crate) fn links(html: &str, followed: &[Followed]) -> Links {
    let mut links = Links::default();
    let mut raw: Option<Vec<u8>> = None;
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) if raw.is_none() => {
                let name = String::from_utf8_lossy(&tag.name);
                let attribute = |wanted: &str| {
                    let mut all = tag.attributes.iter();
                    let found = all.find(|(name, _)| name.as_slice() == wanted.as_bytes());
                    found.map(|(_, value)| String::from_utf8_lossy(&value.value).into_owned())
                };
                if name == "base" && links.base.is_none() {
                    links.base = attribute("href");
                }
                for (_, wanted) in followed.iter().filter(|(element, _)| *element == name) {
                    links.all.extend(attribute(wanted));
                }
                // The tokenizer reads these as text only if whoever builds the tree says so.
                let is_raw = matches!(
                    &*name,
                    "script" | "style" | "textarea" | "title" | "noscript"
                );
                if is_raw && !tag.self_closing {
                    raw = Some(tag.name.to_vec());
                }
            }
            Token::EndTag(tag) if raw.as_deref() == Some(tag.name.as_slice()) => raw = None,
            _ => {}
        }
        if links.all.len() >= MAX_LINKS {
            break;
        }
    }
    links.all.truncate(MAX_LINKS);
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_those_that_a_browser_would_find() {
        let followed = [("a".into(), "href".into()), ("img".into(), "src".into())];
        let html = "<BASE href='/b/'><a HREF=one>x</a><a href=\"t&amp;wo\"><a name=n>
            <!-- <a href=commented> --><script>'<a href=script>'</script><img src='three'>
            <title><a href=title></title><a href='four' href='five'><a href=six";
        let found = links(html, &followed);
        assert_eq!(found.base.as_deref(), Some("/b/"));
        assert_eq!(found.all, ["one", "t&wo", "three", "four"]);
        assert_eq!(
            links(&"<a href=x>".repeat(20_000), &followed).all.len(),
            MAX_LINKS
        );
    }
}
