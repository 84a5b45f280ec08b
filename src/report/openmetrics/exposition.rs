//! [`Exposition`]: the two text forms in which scrapers read metrics.

/// The type of the newer form, without its parameters.
const OPENMETRICS: &str = "application/openmetrics-text";

/// A text form of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// OpenMetrics 1.0, which knows units and more types.
    OpenMetrics,
    /// The form of Prometheus before it, version 0.0.4, which every scraper reads.
    Prometheus,
}

impl Exposition {
    /// Returns the form that the `Accept` of a request prefers: the older one unless it asks for the
    /// newer one.
    pub(crate) fn negotiated(accept: Option<&str>) -> Self {
        let accepted: Vec<Accepted<'_>> = accept
            .unwrap_or_default()
            .split(',')
            .map(Accepted::parse)
            .collect();
        let wanted = |is_meant: fn(&Accepted<'_>) -> bool| {
            let ranges = accepted.iter().filter(|range| is_meant(range));
            ranges.map(|range| range.quality).fold(0.0, f64::max)
        };
        let newer = wanted(|range| {
            range.kind.eq_ignore_ascii_case(OPENMETRICS)
                && range.version.is_none_or(|version| version == "1.0.0")
        });
        let older = wanted(|range| {
            range.kind.eq_ignore_ascii_case("text/plain")
                && range.version.is_none_or(|version| version == "0.0.4")
        });
        if newer > 0.0 && newer >= older {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Returns the content type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Returns the name and the type under which a metric family is announced.
    pub(super) fn announced(self, family: &str, kind: &'static str) -> (String, &'static str) {
        match (self, kind) {
            (Self::Prometheus, "counter") => (format!("{family}_total"), kind),
            (Self::Prometheus, "info") => (format!("{family}_info"), "gauge"),
            (Self::Prometheus, "stateset") => (family.to_owned(), "gauge"),
            _ => (family.to_owned(), kind),
        }
    }
}

/// A media type that a request accepts.
struct Accepted<'a> {
    kind: &'a str,
    version: Option<&'a str>,
    quality: f64,
}

impl<'a> Accepted<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut own = Self {
            kind: parts.next().unwrap_or_default(),
            version: None,
            quality: 1.0,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "version" => own.version = Some(value.trim().trim_matches('"')),
                // What can't be read is not wanted.
                "q" => own.quality = value.trim().parse().unwrap_or(0.0),
                _ => {}
            }
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_openmetrics_gets_it() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for accept in [
            prometheus_2,
            prometheus_3,
            "Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8",
            "application/openmetrics-text",
        ] {
            let own = Exposition::negotiated(Some(accept));
            assert_eq!(own, Exposition::OpenMetrics, "{accept}");
        }
        for accept in [
            None,
            Some("*/*"),
            Some(""),
            Some("text/html,application/xhtml+xml,*/*;q=0.8"),
            Some("application/openmetrics-text;version=0.0.1"),
            Some("application/openmetrics-text;q=0"),
            Some("application/openmetrics-text;q=much"),
            Some("application/openmetrics-text;q=0.2,text/plain;q=0.9"),
        ] {
            let own = Exposition::negotiated(accept);
            assert_eq!(own, Exposition::Prometheus, "{accept:?}");
        }
    }
}
