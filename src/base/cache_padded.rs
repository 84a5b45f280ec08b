//! [`CachePadded`]: a value on cache lines of its own.

use std::ops::Deref;

/// A value that shares no cache line with anything else. Otherwise each write by its thread would
/// slow down the threads that read neighbouring values. It takes two lines, because processors
/// fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
pub struct CachePadded<T>(pub T);

impl<T> Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
