//! [`Input`]: what was read from a connection and not used yet.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::take;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf};

/// The size of a buffer, unless a head needs a larger one.
const SIZE: usize = 16 << 10;
/// The number of idle buffers that a thread keeps.
const MAX_IDLE: usize = 64;

/// Idle buffers, all of the usual size.
struct Idle {
    /// The one that is used next; it is not a part of the list because it comes and goes with each
    /// read that has to wait. Empty while it is in use.
    next: Cell<Vec<u8>>,
    others: RefCell<Vec<Vec<u8>>>,
}

thread_local! {
    /// Those of the thread.
    static IDLE: Idle = const {
        Idle {
            next: Cell::new(Vec::new()),
            others: RefCell::new(Vec::new()),
        }
    };
}

impl Idle {
    /// Takes a buffer, or makes one.
    fn take(&self) -> Vec<u8> {
        let buffer = self.next.take();
        if !buffer.is_empty() {
            return buffer;
        }
        let other = self.others.borrow_mut().pop();
        other.unwrap_or_else(|| vec![0; SIZE])
    }

    /// Keeps a buffer, unless there are enough.
    fn put(&self, buffer: Vec<u8>) {
        let other = self.next.replace(buffer);
        if !other.is_empty() {
            let mut others = self.others.borrow_mut();
            if others.len() < MAX_IDLE {
                others.push(other);
            }
        }
    }
}

/// Gives a buffer back to the thread.
fn put_back(buffer: Vec<u8>) {
    if buffer.len() == SIZE {
        // A thread that ends has no idle buffers any more.
        let _ = IDLE.try_with(|idle| idle.put(buffer));
    }
}

/// What was read from a connection and not used yet. An idle connection holds no
/// buffer.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// All of it initialized, so that it can be read into.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// Returns what is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Returns whether nothing is there.
    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Removes the first bytes; the buffer goes back when nothing is left.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            self.release();
        }
    }

    /// Reads more, once; returns the number of bytes, 0 at the end of the stream.
    pub(super) fn poll_fill<Io: Read + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty() {
            return self.poll_first(cx, io);
        }
        if self.end == self.buffer.len() {
            self.make_room();
        }
        let mut room = ReadBuf::new(&mut self.buffer[self.end..]);
        let read = Pin::new(io).poll_read(cx, room.unfilled());
        let count = room.filled().len();
        self.end += count;
        ready!(read)?;
        Poll::Ready(Ok(count))
    }

    /// Reads into a buffer that is kept only if something has come.
    fn poll_first<Io: Read + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<io::Result<usize>> {
        // Taken, not borrowed: a driver that waits here may run others that read.
        let mut buffer = IDLE.with(Idle::take);
        let mut room = ReadBuf::new(&mut buffer);
        let read = Pin::new(io).poll_read(cx, room.unfilled());
        let count = room.filled().len();
        if count == 0 {
            put_back(buffer);
        } else {
            (self.buffer, self.end) = (buffer, count);
        }
        ready!(read)?;
        Poll::Ready(Ok(count))
    }

    /// Makes room in a full buffer.
    #[cold]
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        } else {
            // A head that is larger than a buffer.
            self.buffer.resize(2 * self.end, 0);
        }
    }

    fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        put_back(take(&mut self.buffer));
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if !self.buffer.is_empty() {
            self.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::rt::ReadBufCursor;
    use std::task::Waker;

    /// A stream that has these pieces, and waits for more.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            mut buf: ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            if self.0.is_empty() {
                return Poll::Pending;
            }
            let mut piece = self.0.remove(0);
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.0.insert(0, rest);
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Reads until nothing more is there.
    fn fill(input: &mut Input, io: &mut Pieces) {
        let mut context = Context::from_waker(Waker::noop());
        while input.poll_fill(&mut context, io).is_ready() {}
    }

    /// Returns the sizes of the thread's idle buffers.
    fn idle() -> Vec<usize> {
        IDLE.with(|idle| {
            let next = idle.next.take();
            let mut sizes: Vec<usize> = idle.others.borrow().iter().map(Vec::len).collect();
            sizes.extend(Some(next.len()).filter(|size| *size > 0));
            idle.next.set(next);
            sizes
        })
    }

    #[test]
    fn buffers_of_connections_that_wait_at_once_are_all_kept() {
        let mut inputs: [Input; 3] = Default::default();
        for input in &mut inputs {
            fill(input, &mut Pieces(vec![b"a".to_vec()]));
        }
        assert_eq!(idle(), [0_usize; 0]);
        inputs.iter_mut().for_each(|input| input.consume(1));
        assert_eq!(idle(), [SIZE; 3]);
    }

    #[test]
    fn a_buffer_is_held_only_while_there_is_something() {
        let mut input = Input::default();
        fill(&mut input, &mut Pieces(Vec::new()));
        assert_eq!((input.is_empty(), input.buffer.capacity()), (true, 0));
        fill(&mut input, &mut Pieces(vec![b"ab".to_vec(), b"c".to_vec()]));
        assert_eq!((input.bytes(), input.buffer.len()), (&b"abc"[..], SIZE));
        input.consume(1);
        assert_eq!(input.bytes(), b"bc");
        input.consume(2);
        assert_eq!((input.is_empty(), input.buffer.capacity()), (true, 0));
        assert_eq!(idle(), [SIZE]);
        drop(input);
        assert_eq!(idle(), [SIZE], "given back once");
    }

    #[test]
    fn what_is_larger_than_a_buffer_stays_whole() {
        let whole: Vec<u8> = (0..3 * SIZE + 5).map(|n| (n / 7) as u8).collect();
        let pieces = whole.chunks(SIZE - 3).map(<[u8]>::to_vec).collect();
        let mut input = Input::default();
        fill(&mut input, &mut Pieces(pieces));
        assert!(input.bytes() == whole);
        // What was used makes room first.
        let size = input.buffer.len();
        input.consume(3 * SIZE);
        fill(&mut input, &mut Pieces(vec![vec![1; SIZE - 9]]));
        assert_eq!((input.bytes().len(), input.buffer.len()), (SIZE - 4, size));
        input.consume(SIZE - 4);
        assert_eq!(idle(), [0_usize; 0], "large ones are not kept");
    }
}
