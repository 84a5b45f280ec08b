//! [`Scope`]: what holds for a sampler because of where it stands: configuration, timers, assertions
//! and extractors beside it, around it and in it.

use super::element::Element;

/// What holds in a tree of a plan.
#[derive(Debug, Default)]
pub(super) struct Scope<'s> {
    /// The scope around it.
    pub outer: Option<&'s Self>,
    /// The elements of the tree itself.
    pub own: Vec<&'s Element>,
}

impl<'s> Scope<'s> {
    /// Returns all elements of a kind, the outermost first.
    pub(super) fn all(&self, is_it: impl Fn(&Element) -> bool) -> Vec<&'s Element> {
        let mut levels = Vec::new();
        let mut scope = Some(self);
        while let Some(level) = scope {
            levels.push(&level.own);
            scope = level.outer;
        }
        let elements = levels.into_iter().rev().flatten().copied();
        elements.filter(|element| is_it(element)).collect()
    }
}

/// What an element does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It configures requests.
    Config,
    /// It is read before everything else, or as data.
    Values,
    /// It waits before samplers.
    Timer,
    /// It checks responses.
    Assertion,
    /// It takes values from responses.
    Extractor,
    /// It has a role that is not carried over.
    Other,
    /// It is a part of the flow.
    Step,
}

/// Returns what an element does.
pub(super) fn role(element: &Element) -> Role {
    match element.tag.as_str() {
        "HeaderManager" | "AuthManager" | "CookieManager" => Role::Config,
        "ConfigTestElement" if is_http_defaults(element) => Role::Config,
        "Arguments" | "CSVDataSet" | "CounterConfig" | "RandomVariableConfig" => Role::Values,
        "RegexExtractor" | "JSONPostProcessor" | "XPathExtractor" | "XPath2Extractor"
        | "HtmlExtractor" | "BoundaryExtractor" => Role::Extractor,
        tag if tag.ends_with("Timer") => Role::Timer,
        tag if tag.ends_with("Assertion") => Role::Assertion,
        tag if [
            "Manager",
            "Config",
            "PostProcessor",
            "PreProcessor",
            "Extractor",
            "Modifier",
        ]
        .iter()
        .any(|end| tag.ends_with(end))
            || matches!(
                tag,
                "ConfigTestElement"
                    | "UserParameters"
                    | "RegExUserParameters"
                    | "KeystoreConfig"
                    | "JDBCDataSource"
                    | "AnchorModifier"
                    | "ResultAction"
                    | "TestPlan"
                    | "WorkBench"
            ) =>
        {
            Role::Other
        }
        _ => Role::Step,
    }
}

/// Returns whether an element has defaults of HTTP requests.
pub(super) fn is_http_defaults(element: &Element) -> bool {
    element.tag == "ConfigTestElement"
        && (element.attribute("guiclass") == "HttpDefaultsGui"
            || element
                .children
                .iter()
                .any(|child| child.attribute("name").starts_with("HTTPSampler.")))
}

/// Why an element with another role is not carried over.
pub(super) fn reason(tag: &str) -> &'static str {
    match tag {
        "CacheManager" => "users keep no cache here, so all requests are sent",
        "DNSCacheManager" => "see `resolve` of a target for the addresses of names",
        "KeystoreConfig" => "see `tls: { cert, key }` of a target",
        tag if tag.contains("JSR223") || tag.contains("BeanShell") || tag.contains("BSF") => {
            "scripts are not run: write what it computes as `set`, `capture` or `expect: { when: … }`"
        }
        "UserParameters" | "RegExUserParameters" => "see `data` for values that differ by user",
        _ => "left out",
    }
}
