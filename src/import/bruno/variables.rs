//! Variables of Bruno: of environments, folders and requests.

use super::bru::{Block, Content};
use crate::import::collection::form::Variable;

/// Returns the variables of an environment.
pub(super) fn variables(blocks: &[Block]) -> Vec<Variable> {
    let mut all = Vec::new();
    for block in blocks {
        match (block.name.as_str(), &block.content) {
            ("vars" | "vars:pre-request", Content::Pairs(_)) => {
                all.extend(block.plain_pairs().into_iter().map(|pair| Variable {
                    name: pair.name.trim_start_matches('@').to_owned(),
                    value: Some(pair.value),
                    is_secret: false,
                }));
            }
            ("vars:secret", Content::Names(names)) => {
                all.extend(names.iter().map(|name| Variable {
                    name: name.clone(),
                    value: None,
                    is_secret: true,
                }));
            }
            _ => {}
        }
    }
    all
}
