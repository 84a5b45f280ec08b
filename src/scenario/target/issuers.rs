//! The targets that issue tokens for others.

use super::Targets;
use crate::plan::{OAuth2, RequestAuth};
use crate::scenario::auth::TargetAuth;

impl Targets {
    /// Finds the targets that issue tokens for others, and creates those that are not declared.
    pub(super) fn find_issuers(&mut self) {
        for index in 0..self.list.len() {
            self.list[index].auth = match self.list[index].auth.take() {
                Some(TargetAuth::Tokens(typed)) => {
                    let (target, path) = self.of_url(&typed.url);
                    Some(TargetAuth::Known(RequestAuth::OAuth2(OAuth2 {
                        target,
                        path,
                        ..typed.options
                    })))
                }
                known => known,
            };
        }
    }
}
