//! [`Apart`]: a value on cache lines of its own.

use std::ops::{Deref, DerefMut};

/// A value that nothing else shares a cache line with: what one thread writes all the time would otherwise make every
/// other thread wait that reads what lies beside it. Two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Apart<T>(pub T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Apart<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
