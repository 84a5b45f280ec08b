//! [`Buckets`]: counts of values that become a histogram on demand.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec;
use super::histogram::{self, HIGHEST};

/// The buckets per page. Its cells fill a cache line, so an outlying value costs no more than that.
const PAGE: usize = 64;
/// Marks a page without cells, or without carries.
const ABSENT: u16 = u16::MAX;
/// The number of values up to which pages are not used; the table of pages alone takes a kilobyte.
const FEW: u64 = 32;
/// The minimum number of pages by which the capacity grows.
const GROWTH: usize = 8;
/// The initial capacity for pages with carries, as a fraction of that for pages with cells.
const CARRYING: usize = 6;
/// The bits of a cell, and of its carry.
const CELL_BITS: u32 = u8::BITS;
const CARRY_BITS: u32 = u16::BITS;

/// Counts of values by the buckets of an HDR histogram of `DIGITS` digits, into which they convert
/// on demand.
///
/// A sample is counted in eight of them, which is why this type does its own counting: finding a
/// bucket takes a shift and an addition, whereas the library's `record` also maintains what can be
/// derived from the counts later. Everything that is read, shown, sent or written is the library's
/// histogram.
///
/// A count is spread over three places, of which most counts use only the first: a cell of one
/// byte, a carry of two bytes that counts the overflows of the cell, and a list for the rest.
/// Counts are exact, and all thirty thousand buckets with a value in each take 37 KB.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets<const DIGITS: u8> {
    /// Zeros: waits that did not happen. They are the most frequent value and need no memory.
    zeros: u64,
    /// For each page, the index of its `cells`. Empty while there are only a few values.
    pages: Box<[u16]>,
    cells: Vec<[u8; PAGE]>,
    /// For each index of `cells`, the index of its `carries`.
    carried: Vec<u16>,
    carries: Vec<[u16; PAGE]>,
    /// Counts without pages and overflows of carries, by bucket in ascending order.
    loose: Vec<(u16, u64)>,
    /// Everything but the zeros in compact form, until the next value is recorded: for each bucket
    /// with values the distance from the previous one, and its count.
    packed: Vec<u8>,
}

impl<const DIGITS: u8> Buckets<DIGITS> {
    /// The lowest buckets, 2^`BITS` of them, are one nanosecond wide, enough to distinguish any two
    /// values of `DIGITS` digits.
    const BITS: u32 = (2 * 10_u64.pow(DIGITS as u32)).next_power_of_two().ilog2();
    /// The number of buckets.
    const COUNT: usize = Self::place(HIGHEST) + 1;

    /// Returns the bucket of a value by the library's rule: up to 2^`BITS` one for each value, then
    /// half as many for each further power of two.
    const fn place(value: u64) -> usize {
        let shift = u64::BITS - Self::BITS - (value | ((1 << Self::BITS) - 1)).leading_zeros();
        ((shift as usize) << (Self::BITS - 1)) + (value >> shift) as usize
    }

    /// Returns the lowest value in a bucket.
    const fn lowest(place: usize) -> u64 {
        let shift = (place >> (Self::BITS - 1)).saturating_sub(1);
        ((place - (shift << (Self::BITS - 1))) as u64) << shift
    }

    /// Creates empty buckets with a capacity of `pages` that is already backed by memory: page
    /// faults in the middle of a run would delay it.
    pub(super) fn ready(pages: usize) -> Self {
        Self {
            pages: Self::no_pages(),
            cells: backed(pages, [1; PAGE]),
            carried: backed(pages, 1),
            carries: backed(pages / CARRYING, [1; PAGE]),
            ..Self::default()
        }
    }

    fn no_pages() -> Box<[u16]> {
        vec![ABSENT; Self::COUNT.div_ceil(PAGE)].into_boxed_slice()
    }

    /// Counts a value; values above [`HIGHEST`] count as [`HIGHEST`].
    pub(super) fn record(&mut self, value: u64) {
        if value == 0 {
            self.zeros += 1;
            return;
        }
        let place = Self::place(value.min(HIGHEST));
        let page = self
            .pages
            .get(place / PAGE)
            .and_then(|page| self.cells.get_mut(usize::from(*page)));
        if let Some(cells) = page {
            let (count, is_full) = cells[place % PAGE].overflowing_add(1);
            cells[place % PAGE] = count;
            if is_full {
                self.carry(place, 1);
            }
        } else {
            self.count(place, 1);
        }
    }

    /// Adds `count` values to a bucket, in whichever form the counts are.
    #[cold]
    fn count(&mut self, place: usize, n: u64) {
        if !self.packed.is_empty() {
            let packed = std::mem::take(&mut self.packed);
            unpack(&packed, |place, n| self.count(place, n));
        }
        if self.pages.is_empty() && self.loose.iter().map(|(_, n)| n).sum::<u64>() + n > FEW {
            self.pages = Self::no_pages();
            for (place, n) in std::mem::take(&mut self.loose) {
                self.count_in_page(usize::from(place), n);
            }
        }
        if self.pages.is_empty() {
            self.count_loosely(place, n);
        } else {
            self.count_in_page(place, n);
        }
    }

    fn count_loosely(&mut self, place: usize, n: u64) {
        match self
            .loose
            .binary_search_by_key(&(place as u16), |(place, _)| *place)
        {
            Ok(at) => self.loose[at].1 += n,
            Err(at) => self.loose.insert(at, (place as u16, n)),
        }
    }

    fn count_in_page(&mut self, place: usize, n: u64) {
        let page = &mut self.pages[place / PAGE];
        if *page == ABSENT {
            *page = put(&mut self.cells, [0; PAGE]);
            put(&mut self.carried, ABSENT);
        }
        let cell = &mut self.cells[usize::from(*page)][place % PAGE];
        let sum = u64::from(*cell) + n;
        *cell = sum as u8;
        if sum >> CELL_BITS > 0 {
            self.carry(place, sum >> CELL_BITS);
        }
    }

    /// Carries the given number of overflows of this bucket's cell.
    #[cold]
    fn carry(&mut self, place: usize, times: u64) {
        let carried = &mut self.carried[usize::from(self.pages[place / PAGE])];
        if *carried == ABSENT {
            *carried = put(&mut self.carries, [0; PAGE]);
        }
        let carry = &mut self.carries[usize::from(*carried)][place % PAGE];
        let sum = u64::from(*carry) + times;
        *carry = sum as u16;
        if sum >> CARRY_BITS > 0 {
            self.count_loosely(place, sum >> CARRY_BITS << (CELL_BITS + CARRY_BITS));
        }
    }

    /// Calls `see` with every bucket with values above zero, in order, and its count.
    fn each(&self, mut see: impl FnMut(usize, u64)) {
        unpack(&self.packed, &mut see);
        if self.pages.is_empty() {
            self.loose
                .iter()
                .for_each(|(place, n)| see(usize::from(*place), *n));
        }
        for (page, slot) in self
            .pages
            .iter()
            .enumerate()
            .filter(|(_, slot)| **slot != ABSENT)
        {
            let slot = usize::from(*slot);
            let carries = self.carries.get(usize::from(self.carried[slot]));
            for (at, cell) in self.cells[slot].iter().enumerate() {
                let place = page * PAGE + at;
                let carry = carries.map_or(0, |carries| u64::from(carries[at]) << CELL_BITS);
                let n = u64::from(*cell) + carry + self.loose(place);
                if n > 0 {
                    see(place, n);
                }
            }
        }
    }

    /// Returns the count of a bucket that is not in a page.
    fn loose(&self, place: usize) -> u64 {
        self.loose
            .binary_search_by_key(&(place as u16), |(place, _)| *place)
            .map_or(0, |at| self.loose[at].1)
    }

    /// Packs the counts until the next value is recorded, reusing spare capacity if available.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        if self.cells.is_empty() && self.loose.is_empty() {
            return;
        }
        let mut bytes = spare.pop().unwrap_or_default();
        let mut before = 0;
        self.each(|place, n| {
            write(&mut bytes, (place - before) as u64);
            write(&mut bytes, n);
            before = place;
        });
        *self = Self {
            zeros: self.zeros,
            packed: bytes,
            ..Self::default()
        };
    }

    /// Clears the counts and returns the capacity of the packed form.
    pub(super) fn recycle(&mut self, spare: &mut Vec<Vec<u8>>) {
        let mut bytes = std::mem::take(self).packed;
        if bytes.capacity() > 0 {
            bytes.clear();
            spare.push(bytes);
        }
    }

    /// Clears the values and keeps the capacity for pages.
    pub(super) fn clear(&mut self) {
        self.zeros = 0;
        self.pages.fill(ABSENT);
        self.cells.clear();
        self.carried.clear();
        self.carries.clear();
        self.loose.clear();
        self.packed.clear();
    }

    /// Adds other counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.zeros += other.zeros;
        other.each(|place, n| self.count(place, n));
    }

    /// Returns the histogram, zeros included.
    pub(super) fn histogram(&self) -> Histogram<u64> {
        let mut histogram = histogram::with_digits(DIGITS);
        self.each(|place, n| histogram.saturating_record_n(Self::lowest(place), n));
        histogram.saturating_record_n(0, self.zeros);
        histogram
    }

    /// Returns the histogram of one significant digit, zeros included.
    pub(super) fn coarse(&self) -> Histogram<u64> {
        let mut histogram = histogram::coarse();
        self.each(|place, n| histogram.saturating_record_n(Self::lowest(place), n));
        histogram.saturating_record_n(0, self.zeros);
        histogram
    }

    /// Returns the number of values.
    pub(super) fn total(&self) -> u64 {
        let mut total = self.zeros;
        self.each(|_, n| total = total.saturating_add(n));
        total
    }

    /// Returns the values at these percentiles, of 0 to 100 and in ascending order, as the histogram
    /// has them; `None` without values. A histogram takes tens of kilobytes, which for each step in
    /// each of hundreds of windows takes too long.
    pub(super) fn percentiles<const N: usize>(&self, wanted: [f64; N]) -> Option<[u64; N]> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let ranks = wanted.map(|p| ((p / 100.0 * total as f64).ceil() as u64).max(1));
        let (mut values, mut known, mut seen) = ([0; N], 0, self.zeros);
        while known < N && ranks[known] <= seen {
            known += 1;
        }
        self.each(|place, n| {
            seen = seen.saturating_add(n);
            while known < N && ranks[known] <= seen {
                values[known] = Self::lowest(place + 1) - 1;
                known += 1;
            }
        });
        Some(values)
    }

    /// Returns the counts of a histogram of the same digits, packed.
    fn packed_from(histogram: &Histogram<u64>) -> Self {
        let (mut zeros, mut bytes, mut before) = (0, Vec::new(), 0);
        for bucket in histogram.iter_recorded() {
            let n = bucket.count_at_value();
            match Self::place(bucket.value_iterated_to()) {
                0 => zeros = n,
                place => {
                    write(&mut bytes, (place - before) as u64);
                    write(&mut bytes, n);
                    before = place;
                }
            }
        }
        Self {
            zeros,
            packed: bytes,
            ..Self::default()
        }
    }

    /// Returns whether there are no values.
    pub(super) const fn is_empty(&self) -> bool {
        self.zeros == 0 && self.cells.is_empty() && self.loose.is_empty() && self.packed.is_empty()
    }

    /// Returns the bytes on the heap.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let loose = self.loose.capacity() * size_of::<(u16, u64)>();
        let pages =
            size_of_val(&*self.pages) + self.cells.capacity() * PAGE + self.carried.capacity() * 2;
        pages + self.carries.capacity() * 2 * PAGE + loose + self.packed.capacity()
    }
}

/// As text, buckets are the library's histogram.
impl<const DIGITS: u8> Serialize for Buckets<DIGITS> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&codec::encode(&self.histogram()))
    }
}

impl<'de, const DIGITS: u8> Deserialize<'de> for Buckets<DIGITS> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let histogram = codec::read(&text, DIGITS).map_err(D::Error::custom)?;
        Ok(Self::packed_from(&histogram))
    }
}

/// Creates an empty list with a capacity of `room` that was written to: the system backs only
/// written pages with memory, and the compiler must not optimize the writes away.
fn backed<T: Clone>(room: usize, value: T) -> Vec<T> {
    let mut list = std::hint::black_box(vec![value; room]);
    list.clear();
    list
}

/// Appends an item to a list whose capacity grows in small steps; returns its index.
fn put<T>(list: &mut Vec<T>, value: T) -> u16 {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(GROWTH));
    }
    list.push(value);
    (list.len() - 1) as u16
}

/// Writes a number with seven bits per byte, the lowest first; the highest bit says that more
/// follow.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a number that [`write()`] wrote from the front of `bytes`; returns `None` at the end.
fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

/// Calls `see` with each packed bucket.
fn unpack(mut packed: &[u8], mut see: impl FnMut(usize, u64)) {
    let mut place = 0;
    while let Some(distance) = read(&mut packed) {
        place += distance as usize;
        see(place, read(&mut packed).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::histogram::{SIGNIFICANT_DIGITS, WINDOW_DIGITS};
    use proptest::prelude::*;

    /// Values of all magnitudes.
    fn values() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(
            (0u32..43, any::<u64>()).prop_map(|(bits, any)| any >> (63 - bits)),
            0..60,
        )
    }

    fn buckets_of<const DIGITS: u8>(values: &[u64]) -> Buckets<DIGITS> {
        let mut buckets = Buckets::default();
        values.iter().for_each(|value| buckets.record(*value));
        buckets
    }

    /// The library's histogram of the values.
    fn recorded<const DIGITS: u8>(values: &[u64]) -> Histogram<u64> {
        let mut histogram = histogram::with_digits(DIGITS);
        values.iter().for_each(|value| {
            histogram
                .record((*value).min(HIGHEST))
                .expect("it is in its bounds")
        });
        histogram
    }

    /// Checks what is read of buckets without their histogram.
    fn agree_with(whole: &Histogram<u64>, buckets: &Buckets<WINDOW_DIGITS>) {
        const WANTED: [f64; 6] = [0.1, 50.0, 90.0, 99.0, 99.9, 100.0];
        let wanted = WANTED.map(|p| whole.value_at_percentile(p));
        let values = (!whole.is_empty()).then_some(wanted);
        assert_eq!(buckets.percentiles(WANTED), values);
        assert_eq!(buckets.total(), whole.len());
        let mut coarse = histogram::coarse();
        for bucket in whole.iter_recorded() {
            coarse.saturating_record_n(bucket.value_iterated_to(), bucket.count_at_value());
        }
        assert_eq!(buckets.coarse(), coarse);
    }

    fn agree<const DIGITS: u8>(a: &[u64], b: &[u64]) {
        let whole = recorded::<DIGITS>(&[a, b].concat());
        let mut sum = buckets_of::<DIGITS>(a);
        sum.add(&buckets_of(b));
        assert_eq!(sum.histogram(), whole);
        let (mut packed, mut ready, mut spare) = (
            buckets_of::<DIGITS>(b),
            Buckets::ready(2),
            vec![Vec::with_capacity(1)],
        );
        packed.pack(&mut spare);
        assert!(spare.is_empty() || b.iter().all(|value| *value == 0));
        assert_eq!(packed.histogram(), recorded::<DIGITS>(b));
        a.iter().for_each(|value| packed.record(*value));
        ready.add(&packed);
        packed.pack(&mut spare);
        ready.pack(&mut spare);
        assert_eq!(
            [packed.histogram(), ready.histogram()],
            [whole.clone(), whole]
        );
        spare.clear();
        ready.recycle(&mut spare);
        assert_eq!(
            (ready.histogram(), spare.len()),
            (
                histogram::with_digits(DIGITS),
                usize::from(a.iter().chain(b).any(|value| *value > 0))
            )
        );
    }

    proptest! {
        #[test]
        fn they_become_the_histogram_that_would_have_recorded_the_same(a in values(), b in values()) {
            agree::<SIGNIFICANT_DIGITS>(&a, &b);
            agree::<WINDOW_DIGITS>(&a, &b);
            agree_with(&recorded::<WINDOW_DIGITS>(&a), &buckets_of(&a));
        }
    }

    proptest! {
        #[test]
        fn what_is_forgotten_leaves_nothing_behind(a in values(), b in values(), pages in 0usize..20) {
            let mut buckets = Buckets::<SIGNIFICANT_DIGITS>::ready(pages);
            a.iter().for_each(|value| buckets.record(*value));
            let held = buckets.held();
            buckets.clear();
            prop_assert!(buckets.histogram().is_empty());
            b.iter().for_each(|value| buckets.record(*value));
            prop_assert_eq!(buckets.histogram(), recorded::<SIGNIFICANT_DIGITS>(&b));
            buckets.clear();
            a.iter().for_each(|value| buckets.record(*value));
            prop_assert!(buckets.held() <= held.max(Buckets::<SIGNIFICANT_DIGITS>::ready(70).held()), "room is used again");
        }
    }

    #[test]
    fn a_count_is_exact_however_large() {
        let mut buckets = buckets_of::<WINDOW_DIGITS>(&(1..=100).collect::<Vec<_>>());
        let place = Buckets::<WINDOW_DIGITS>::place(50);
        let mut expected = 1;
        // Around the capacities of a cell, of a carry, and of both.
        for n in [
            254,
            1,
            1,
            255,
            (1 << 24) - 513,
            1,
            1,
            1 << 24,
            (1 << 40) + 77,
            1 << 62,
        ] {
            buckets.count(place, n);
            expected += n;
            let mut twice = buckets.clone();
            twice.add(&buckets);
            let mut packed = buckets.clone();
            packed.pack(&mut Vec::new());
            assert_eq!(
                [&buckets, &packed, &twice].map(|of| of.histogram().count_at(50)),
                [expected, expected, expected * 2],
                "{n}"
            );
        }
        (0..1000).for_each(|_| buckets.record(50));
        assert_eq!(buckets.histogram().count_at(50), expected + 1000);
    }

    #[test]
    fn the_edges_of_each_bucket_are_the_library_s() {
        let library = histogram::with_digits(WINDOW_DIGITS);
        let mut value = 0;
        for place in 0..Buckets::<WINDOW_DIGITS>::COUNT {
            assert_eq!(Buckets::<WINDOW_DIGITS>::lowest(place), value);
            let next = library.next_non_equivalent(value);
            assert_eq!(
                (
                    Buckets::<WINDOW_DIGITS>::place(value),
                    Buckets::<WINDOW_DIGITS>::place(next - 1)
                ),
                (place, place)
            );
            value = next;
        }
        assert!(value > HIGHEST);
    }
}
