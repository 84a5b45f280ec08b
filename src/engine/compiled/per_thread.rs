//! [`PerThread`]: copies of what the requests of all threads are made of.

/// The most copies; with more threads, some share one.
const MAX_COPIES: usize = 64;

/// Copies of one value, for the threads that send it. To put a header into a message is to count one
/// reference more to its text, and a count that several cores change travels between them with every
/// request.
#[derive(Debug)]
pub struct PerThread<T>(Box<[T]>);

impl<T> PerThread<T> {
    /// Creates a copy for each of `threads` threads with `copy`, which shares nothing that is counted.
    pub fn new(threads: usize, copy: impl Fn() -> T) -> Self {
        let threads = threads.clamp(1, MAX_COPIES);
        Self(std::iter::repeat_with(copy).take(threads).collect())
    }

    /// Returns the copy of the thread with this index.
    pub fn of(&self, thread: usize) -> &T {
        &self.0[thread % self.0.len()]
    }
}
