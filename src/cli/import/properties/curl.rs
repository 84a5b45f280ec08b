//! Commands of curl.

use proptest::prelude::*;

use super::{OF_URLS_AND_FILES, is_valid_or_refused, request};
use crate::import::Kind;

proptest! {
    #[test]
    fn whatever_is_imported_is_a_valid_scenario_or_refused(
        words in prop::collection::vec(
            prop_oneof![
                3 => Just("curl".to_owned()),
                3 => "-[a-zA-Z#:0-9]{1,3}",
                3 => "(http://|https://)?(me:pw@)?[a-z\\[{]{1,4}(:[0-9]{1,3})?(/[a-z.{}%é ]{0,5}){0,3}(\\?[a-z&=]{0,6})?",
                2 => "--(data|json|form|header|user|cookie|get|url|next|proxy|resolve|max-time|request|url-query)",
                2 => "'[^'\\x00]{0,12}'",
                1 => "\"[^\"\\x00]{0,12}\"",
                1 => "\\PC{0,6}",
                1 => Just("\n".to_owned()),
                1 => "[<>|;&$`(){}#]{1,2}[a-zA-Z]?",
                1 => "\\$\\{?[A-Za-z]{1,4}\\}?",
            ],
            0..14,
        )
    ) {
        is_valid_or_refused(request(&words.join(" "), Kind::Curl), OF_URLS_AND_FILES);
    }
}
