//! [`Buckets`]: values on their way into a histogram.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

use super::histogram::{self, HIGHEST};

/// Counts of values, each in the bucket of the HDR histogram of so many digits that it becomes when it is asked for.
///
/// A sample is counted in eight of them, which is why they count by themselves: the bucket of a value is a shift and an
/// addition here, where the library's `record` also looks after what can be had from the counts later. Everything that
/// is read, shown, sent or written is the library's histogram.
#[derive(Clone, Debug)]
pub struct Buckets<const DIGITS: u8> {
    /// Waits that did not happen are the most frequent value of all, and need no memory.
    zeros: u64,
    others: Others,
}

/// Counts of values above zero.
#[derive(Clone, Debug)]
enum Others {
    /// Made when the first value comes: a quarter of a megabyte is much for something that stays empty.
    None,
    Open(Box<[u64]>),
    /// The histogram's own form for storage, in little room until the next value comes.
    Packed(Vec<u8>),
}

impl<const DIGITS: u8> Default for Buckets<DIGITS> {
    fn default() -> Self {
        Self { zeros: 0, others: Others::None }
    }
}

impl<const DIGITS: u8> Buckets<DIGITS> {
    /// The lowest buckets, as a power of two, are one nanosecond wide; so many tell any two values of `DIGITS` digits apart.
    const BITS: u32 = (2 * 10_u64.pow(DIGITS as u32)).next_power_of_two().ilog2();
    /// How many buckets there are.
    const COUNT: usize = Self::place(HIGHEST) + 1;

    /// The bucket of a value, by the library's rule: up to 2^`BITS` one for each value, then the upper half of that many for
    /// each power of two.
    const fn place(value: u64) -> usize {
        let shift = u64::BITS - Self::BITS - (value | ((1 << Self::BITS) - 1)).leading_zeros();
        ((shift as usize) << (Self::BITS - 1)) + (value >> shift) as usize
    }

    /// The lowest value in a bucket.
    const fn lowest(place: usize) -> u64 {
        let shift = (place >> (Self::BITS - 1)).saturating_sub(1);
        ((place - (shift << (Self::BITS - 1))) as u64) << shift
    }

    /// Empty, and ready: the first value finds room there, since to ask the system for it in the middle of a run would be
    /// lateness. The system backs it with memory at once where that is to be `backed`, else as values come: half a
    /// microsecond for each new page.
    pub fn ready(backed: bool) -> Self {
        let mut counts = Self::none();
        if backed {
            // Written to, and nobody may find that needless.
            counts.fill(1);
            std::hint::black_box(&mut counts).fill(0);
        }
        Self { zeros: 0, others: Others::Open(counts) }
    }

    fn none() -> Box<[u64]> {
        vec![0; Self::COUNT].into_boxed_slice()
    }

    /// Counts a value; what is above [`HIGHEST`] counts as that.
    pub fn record(&mut self, value: u64) {
        let place = Self::place(value.min(HIGHEST));
        match &mut self.others {
            _ if value == 0 => self.zeros += 1,
            Others::Open(counts) => counts[place] += 1,
            Others::None | Others::Packed(_) => self.open()[place] += 1,
        }
    }

    #[cold]
    fn open(&mut self) -> &mut [u64] {
        if !matches!(self.others, Others::Open(_)) {
            let mut counts = Self::none();
            self.others.add_to(&mut counts, Self::place);
            self.others = Others::Open(counts);
        }
        match &mut self.others {
            Others::Open(counts) => counts,
            Others::None | Others::Packed(_) => unreachable!("they were opened just now"),
        }
    }

    /// Makes them small until the next value comes, in room that is to spare where there is some.
    pub fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        if matches!(self.others, Others::Open(_)) {
            let mut bytes = spare.pop().unwrap_or_default();
            let zeros = std::mem::take(&mut self.zeros);
            V2Serializer::new().serialize(&self.histogram(), &mut bytes).expect("memory takes any bytes, and the bounds are ours");
            *self = Self { zeros, others: Others::Packed(bytes) };
        }
    }

    /// Gives back the room that they had while they were small.
    pub fn clear(&mut self, spare: &mut Vec<Vec<u8>>) {
        if let Others::Packed(mut bytes) = std::mem::take(self).others {
            bytes.clear();
            spare.push(bytes);
        }
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.zeros += other.zeros;
        if !matches!(other.others, Others::None) {
            other.others.add_to(self.open(), Self::place);
        }
    }

    /// The histogram, zeros included.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = match &self.others {
            Others::Packed(bytes) => unpacked(bytes),
            Others::Open(_) | Others::None => histogram::of(DIGITS),
        };
        if let Others::Open(counts) = &self.others {
            for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                histogram.saturating_record_n(Self::lowest(place), *count);
            }
        }
        histogram.saturating_record_n(0, self.zeros);
        histogram
    }
}

impl Others {
    fn add_to(&self, counts: &mut [u64], place: impl Fn(u64) -> usize) {
        match self {
            Self::None => {}
            Self::Open(open) => counts.iter_mut().zip(open).for_each(|(sum, more)| *sum += more),
            Self::Packed(bytes) => {
                for bucket in unpacked(bytes).iter_recorded() {
                    counts[place(bucket.value_iterated_to())] += bucket.count_since_last_iteration();
                }
            }
        }
    }
}

/// A histogram as it was packed.
fn unpacked(bytes: &[u8]) -> Histogram<u64> {
    Deserializer::new().deserialize(&mut &*bytes).expect("these bytes were written by `pack`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::histogram::{SIGNIFICANT_DIGITS, WINDOW_DIGITS};
    use proptest::prelude::*;

    /// Values of every size.
    fn values() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec((0u32..43, any::<u64>()).prop_map(|(bits, any)| any >> (63 - bits)), 0..60)
    }

    fn of<const DIGITS: u8>(values: &[u64]) -> Buckets<DIGITS> {
        let mut buckets = Buckets::default();
        values.iter().for_each(|value| buckets.record(*value));
        buckets
    }

    /// What the library makes of them.
    fn recorded<const DIGITS: u8>(values: &[u64]) -> Histogram<u64> {
        let mut histogram = histogram::of(DIGITS);
        values.iter().for_each(|value| histogram.record((*value).min(HIGHEST)).expect("it is in its bounds"));
        histogram
    }

    fn agree<const DIGITS: u8>(a: &[u64], b: &[u64]) {
        let whole = recorded::<DIGITS>(&[a, b].concat());
        let mut sum = of::<DIGITS>(a);
        sum.add(&of(b));
        assert_eq!(sum.histogram(), whole);
        let (mut packed, mut ready, mut spare) = (of::<DIGITS>(b), Buckets::ready(true), vec![Vec::new()]);
        packed.pack(&mut spare);
        assert!(spare.is_empty() || b.iter().all(|value| *value == 0));
        assert_eq!(packed.histogram(), recorded::<DIGITS>(b));
        a.iter().for_each(|value| packed.record(*value));
        ready.add(&packed);
        packed.pack(&mut spare);
        ready.pack(&mut spare);
        assert_eq!([packed.histogram(), ready.histogram()], [whole.clone(), whole]);
        spare.clear();
        ready.clear(&mut spare);
        assert_eq!((ready.histogram(), spare), (histogram::of(DIGITS), vec![Vec::new()]));
    }

    proptest! {
        #[test]
        fn they_become_the_histogram_that_would_have_recorded_the_same(a in values(), b in values()) {
            agree::<SIGNIFICANT_DIGITS>(&a, &b);
            agree::<WINDOW_DIGITS>(&a, &b);
        }
    }

    #[test]
    fn the_edges_of_each_bucket_are_the_library_s() {
        let library = histogram::of(WINDOW_DIGITS);
        let mut value = 0;
        for place in 0..Buckets::<WINDOW_DIGITS>::COUNT {
            assert_eq!(Buckets::<WINDOW_DIGITS>::lowest(place), value);
            let next = library.next_non_equivalent(value);
            assert_eq!((Buckets::<WINDOW_DIGITS>::place(value), Buckets::<WINDOW_DIGITS>::place(next - 1)), (place, place));
            value = next;
        }
        assert!(value > HIGHEST);
    }
}
