//! [`path_pattern`]: what paths of one kind have in common.

/// Returns the pattern of a path, in which `*` stands for what looks like a number or an id; it has
/// no query.
pub(crate) fn path_pattern(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let is_id = |segment: &str| {
        let code = segment.split('.').next().unwrap_or_default();
        let is_number = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
        let is_hash = code.len() >= 8
            && code.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
            && code.bytes().any(|b| b.is_ascii_digit());
        is_number || is_hash
    };
    let segments = path
        .split('/')
        .map(|segment| if is_id(segment) { "*" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_kind_have_one_pattern() {
        for (path, wanted) in [
            ("/", "/"),
            ("/items/12?page=3", "/items/*"),
            (
                "/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301/edit",
                "/users/*/edit",
            ),
            ("/a/deadbeef01.html", "/a/*"),
            ("/facade/feedback", "/facade/feedback"),
        ] {
            assert_eq!(path_pattern(path), wanted, "{path}");
        }
    }
}
