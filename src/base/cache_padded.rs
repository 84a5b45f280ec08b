//! [`CachePadded`]: a value on cache lines of its own.

use std::ops::Deref;

/// A value that nothing else shares a cache line with: what one thread writes all the time would
/// otherwise make every other thread wait that reads what lies beside it. Two lines, because
/// processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
pub struct CachePadded<T>(pub T);

impl<T> Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
