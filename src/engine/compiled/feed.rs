//! [`Feeds`]: the rows of data files, and which row an iteration takes.
//!
//! The row is a function of the iteration's number alone, so that all modes, rounds and worker
//! counts give the same rows to the same iterations, and nothing has to be synchronized to get the
//! next one.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rand::RngExt as _;
use thiserror::Error;

use super::choice::Choice;
use crate::engine::draw::{Position, Purpose, generator, shuffled};
use crate::pacing::LoggedTimes;
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::plan::{AtEnd, Feed, FeedSource, Order, Plan, Split, own_load_of};
use crate::value::feed::{FeedError, RowList, Rows};
use crate::value::{Names, Scope, feed};

/// Iterations per block; the ranks of a block are counted in one pass.
const BLOCK: u64 = 4096;
/// Blocks whose ranks are cached: more than the iterations in flight span.
const KEPT: usize = 8;

/// Why a plan's rows are not available.
#[derive(Debug, Error)]
pub enum RowsError {
    /// The file cannot be read, or its content is invalid.
    #[error("data `{name}`: {source}")]
    File {
        /// The name of the feed.
        name: String,
        /// The error in the file.
        source: FeedError,
    },
    /// The file is not the one that the plan was made for.
    #[error(
        "data `{name}`: `{file}` has changed since the scenario was read; run the scenario again, and don't change the file while it runs"
    )]
    Changed {
        /// The name of the feed.
        name: String,
        /// The path, as typed.
        file: String,
    },
}

/// The error that a feed has no row left for an iteration that needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// The feeds of a plan, by index; only those in use are read.
pub(crate) struct Feeds {
    feeds: Vec<Option<FeedRows>>,
    /// The row that every iteration takes, if it does not depend on the iteration.
    fixed: Option<u64>,
    /// The times of the log that is replayed, if one is.
    logged: Option<LoggedTimes>,
}

/// The virtual user whose iteration takes rows.
#[derive(Debug)]
pub struct RowTaker<'u> {
    /// Its number among the users of its load.
    pub index: u64,
    /// The index of its load.
    pub load: usize,
    /// How many rows it has taken from each feed whose rows are split, in warm-ups and in what is
    /// measured.
    pub taken: &'u mut Vec<[u64; 2]>,
}

impl<'u> RowTaker<'u> {
    /// Creates the first user of the first load.
    pub(crate) fn first(taken: &'u mut Vec<[u64; 2]>) -> Self {
        Self {
            index: 0,
            load: 0,
            taken,
        }
    }
}

/// The rows of one feed.
struct FeedRows {
    /// The index in the scope that a row is stored at.
    place: Option<usize>,
    rows: Rows,
    order: Order,
    at_end: AtEnd,
    split: Split,
    /// The number of virtual users of each load, if they split the rows.
    users: Vec<u64>,
    /// The ranks of the iterations that take a row, unless every iteration does.
    ranks: Option<Ranking>,
}

/// How the rank of an iteration follows from its number, if it is not the number.
enum Ranking {
    /// Only some mix entries take rows.
    Counted(Ranks),
    /// So many rows are those of the warm-up: a log begins with it.
    After(u64),
}

impl Feeds {
    /// Reads the files used by mix entries, relative to `folder`.
    ///
    /// # Errors
    /// If a file cannot be read or is not the one that the plan was made for.
    pub(crate) fn read(plan: &Plan, names: &Names, folder: &Path) -> Result<Self, RowsError> {
        let mut logged = None;
        let rows_of_feed = |(index, feed): (usize, &Feed)| {
            let users: Vec<bool> = plan
                .mix
                .iter()
                .map(|entry| entry.data.contains(&index))
                .collect();
            if !users.contains(&true) {
                return Ok(None);
            }
            let in_order = feed.order.is_of_file(feed.split);
            let rows = match &feed.source {
                FeedSource::Log(log) => feed::read_log(folder, log, plan.seed),
                source => feed::read(folder, source, in_order),
            };
            let rows = rows.map_err(|source| RowsError::File {
                name: feed.name.clone(),
                source,
            })?;
            if rows.digest != feed.digest
                || rows.rows.count() != feed.rows
                || *rows.columns != *feed.columns
            {
                return Err(RowsError::Changed {
                    name: feed.name.clone(),
                    file: feed.source.path().unwrap_or("rows").to_owned(),
                });
            }
            let mut ranks = users
                .contains(&false)
                .then(|| Ranking::Counted(Ranks::new(users)));
            if let (RowList::Log(log), Some(replay)) = (&rows.rows, &plan.load.replay) {
                let times = LoggedTimes::new(log.clone(), replay.clone(), plan.load.warmup);
                // Its rows are those of the shared load, whose iterations all take one.
                ranks = Some(Ranking::After(times.warm()));
                logged = Some(times);
            }
            Ok(Some(FeedRows {
                place: names.place(&feed.name),
                rows,
                order: feed.order,
                at_end: feed.at_end,
                split: feed.split,
                users: match feed.split {
                    Split::Shared => Vec::new(),
                    Split::ByUser => plan
                        .loads()
                        .map(|own| own.load.slots_of_whole().into())
                        .collect(),
                },
                ranks,
            }))
        };
        let feeds = plan.feeds.iter().enumerate();
        let feeds = feeds.map(rows_of_feed).collect::<Result<_, _>>()?;
        Ok(Self {
            feeds,
            fixed: None,
            logged,
        })
    }

    /// Returns the times of the log that is replayed, if one is.
    pub(crate) const fn logged(&self) -> Option<&LoggedTimes> {
        self.logged.as_ref()
    }

    /// Makes every iteration take this row, counted from 0.
    pub(crate) fn fix(&mut self, row: u64) {
        self.fixed = Some(row);
    }

    /// Stores in the scope the row that iteration `number` takes from each of these feeds.
    ///
    /// # Errors
    /// If a feed that ends the run has no row for it.
    pub(crate) fn deal(
        &self,
        feeds: &[usize],
        number: u64,
        mut taker: RowTaker<'_>,
        choice: &Choice,
        seed: u64,
        scope: &mut Scope,
    ) -> Result<(), Exhausted> {
        for feed in feeds {
            let Some(rows_of_feed) = self.feeds.get(*feed).and_then(Option::as_ref) else {
                continue;
            };
            let row = match self.fixed {
                Some(row) => Some(row),
                None => rows_of_feed.row(*feed, number, &mut taker, choice, seed)?,
            };
            let row = row.and_then(|row| rows_of_feed.rows.rows.get(row));
            if let (Some(place), Some(row)) = (rows_of_feed.place, row) {
                scope.set(place, row);
            }
        }
        Ok(())
    }
}

impl FeedRows {
    /// Returns the row that an iteration takes, or `None` if it has to do without one.
    fn row(
        &self,
        feed: usize,
        number: u64,
        taker: &mut RowTaker<'_>,
        choice: &Choice,
        seed: u64,
    ) -> Result<Option<u64>, Exhausted> {
        let all = self.rows.rows.count();
        // Of the rows that each user has, all have the same number.
        let (rows, first, step) = match self.split {
            Split::Shared => (all, 0, 1),
            Split::ByUser => {
                let users = self.users.get(taker.load).map_or(1, |users| *users.max(&1));
                (all / users, taker.index, users)
            }
        };
        let (rank, measured) = self.rank(feed, number, taker, choice);
        if rank >= rows {
            match self.at_end {
                _ if rows == 0 => return Ok(None),
                AtEnd::Stop if measured => return Err(Exhausted),
                AtEnd::Fail if measured => return Ok(None),
                AtEnd::Stop | AtEnd::Fail | AtEnd::Recycle => {}
            }
        }
        let whole = |own: u64| own * step + first;
        Ok(Some(match (self.order, self.split) {
            (Order::Sequential, _) => whole(rank % rows),
            (Order::Shuffled, Split::Shared) => {
                shuffled(seed, feed, rank / rows, rank % rows, rows)
            }
            // Once, so that each row stays with its user.
            (Order::Shuffled, Split::ByUser) => shuffled(seed, feed, 0, whole(rank % rows), all),
            (Order::Random, _) => {
                let position = Position::default().inside(feed);
                let mut draws = generator(seed, number, position, Purpose::Row);
                whole(draws.random_range(0..rows))
            }
        }))
    }

    /// Returns how many rows were taken before those of an iteration, and whether that is measured.
    fn rank(
        &self,
        feed: usize,
        number: u64,
        taker: &mut RowTaker<'_>,
        choice: &Choice,
    ) -> (u64, bool) {
        if self.split == Split::ByUser {
            let measured = number < WARMUP_NUMBERS;
            if taker.taken.len() <= feed {
                taker.taken.resize(feed + 1, [0; 2]);
            }
            let taken = &mut taker.taken[feed][usize::from(measured)];
            *taken += 1;
            return (*taken - 1, measured);
        }
        // Warm-up iterations take rows by their own numbers, wrap around at the end, and leave the
        // rows of the run untouched.
        // Each load takes rows from the first one on.
        let place = |number| own_load_of(number).map_or(number, |(_, own)| own);
        match number.checked_sub(WARMUP_NUMBERS) {
            Some(own) => (place(own), false),
            None => {
                let ranks = self.ranks.as_ref();
                let ranks = ranks.filter(|_| own_load_of(number).is_none());
                let rank = match ranks {
                    None => place(number),
                    Some(Ranking::Counted(ranks)) => ranks.of(number, choice),
                    Some(Ranking::After(rows)) => rows + number,
                };
                (rank, true)
            }
        }
    }
}

/// Counts how many iterations before a given one take a row of a feed that only some mix entries
/// use.
struct Ranks {
    /// Whether the iterations of each mix entry take a row.
    users: Vec<bool>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// The count before each block, as far as it has been requested.
    before: Vec<u64>,
    /// The most recently used blocks, each with the ranks of its iterations within it.
    kept: VecDeque<(usize, Box<[u16]>)>,
}

impl Ranks {
    fn new(users: Vec<bool>) -> Self {
        Self {
            users,
            counted: Mutex::default(),
        }
    }

    /// Returns how many iterations with a smaller number take a row.
    fn of(&self, number: u64, choice: &Choice) -> u64 {
        let takes = |number: u64| {
            self.users
                .get(choice.mix_of(number))
                .copied()
                .unwrap_or(false)
        };
        let block = (number / BLOCK) as usize;
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let Counted { before, kept } = &mut *counted;
        if before.is_empty() {
            before.push(0);
        }
        while before.len() <= block {
            let first = (before.len() as u64 - 1) * BLOCK;
            let there = (first..first + BLOCK)
                .filter(|number| takes(*number))
                .count() as u64;
            before.push(before[before.len() - 1] + there);
        }
        if !kept.iter().any(|(known, _)| *known == block) {
            let first = block as u64 * BLOCK;
            let within = (first..first + BLOCK).scan(0u16, |rank, number| {
                let own = *rank;
                *rank += u16::from(takes(number));
                Some(own)
            });
            kept.push_front((block, within.collect()));
            kept.truncate(KEPT);
        }
        let within = kept
            .iter()
            .find(|(known, _)| *known == block)
            .map_or(0, |(_, ranks)| ranks[(number % BLOCK) as usize]);
        before[block] + u64::from(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FeedFile, FeedSource, Limits, MixEntry, Name};
    use crate::value::Value;
    use std::collections::BTreeSet;

    fn source() -> FeedSource {
        FeedSource::File(FeedFile {
            path: "users.csv".into(),
            ..FeedFile::default()
        })
    }

    fn plan(order: Order, at_end: AtEnd, rows: &Rows, users: &[bool]) -> Plan {
        let entry = |(index, uses): (usize, &bool)| MixEntry {
            setup: Vec::new(),
            teardown: Vec::new(),
            name: format!("m{index}"),
            weight: 1.0 + index as f64,
            load: None,
            limits: Limits::default(),
            data: if *uses { vec![0] } else { Vec::new() },
            flow: Vec::new(),
        };
        let feed = Feed {
            name: "users".into(),
            source: source(),
            order,
            at_end,
            split: Split::Shared,
            columns: rows.columns.to_vec(),
            rows: rows.rows.count(),
            digest: rows.digest.clone(),
        };
        Plan {
            watch: None,
            trace: None,
            name: "t".into(),
            description: None,
            tags: std::collections::BTreeMap::new(),
            seed: 7,
            modes: Vec::new(),
            rounds: 1,
            workers: 1,
            spared_cores: None,
            targets: Vec::new(),
            feeds: vec![feed],
            names: vec![Name {
                name: "users".into(),
                value: None,
            }],
            setup: Vec::new(),
            teardown: Vec::new(),
            mix: users.iter().enumerate().map(entry).collect(),
            load: crate::plan::Load {
                pace: None,
                replay: None,
                model: crate::plan::LoadModel::Closed { vus: 1 },
                stages: Vec::new(),
                stop_when: Vec::new(),
                slice: None,
                start_after: crate::base::Nanos::ZERO,
                duration: None,
                iterations: Some(1),
                iterations_per_vu: None,
                warmup: crate::base::Nanos::ZERO,
                graceful_stop: crate::base::Nanos::ZERO,
            },
            limits: Limits::default(),
            thresholds: Vec::new(),
            guards: Vec::new(),
            allow_targets: Vec::new(),
            allow_exec: false,
            formats: Vec::new(),
            reporting: crate::plan::Reporting::default(),
        }
    }

    /// Returns the `id` that each iteration gets, or `None` if the rows are exhausted.
    fn ids(order: Order, at_end: AtEnd, users: &[bool], numbers: &[u64]) -> Vec<Option<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let lines: String = (0..5).map(|id| format!("{id}\n")).collect();
        std::fs::write(folder.path().join("users.csv"), format!("id\n{lines}")).expect("written");
        let plan = plan(
            order,
            at_end,
            &feed::read(folder.path(), &source(), true).expect("good"),
            users,
        );
        let names = Names::new(&plan.names);
        let feeds = Feeds::read(&plan, &names, folder.path()).expect("unchanged");
        let choice = Choice::new(&plan);
        let id = |number: &u64| {
            let mut scope = names.start().clone();
            let mut taken = Vec::new();
            let taker = RowTaker::first(&mut taken);
            feeds
                .deal(&[0], *number, taker, &choice, plan.seed, &mut scope)
                .ok()?;
            scope
                .get(0)
                .get_attr("id")
                .ok()
                .map(|id: Value| id.to_string())
        };
        numbers.iter().map(id).collect()
    }

    #[test]
    fn rows_follow_the_number_of_the_iteration() {
        let numbers: Vec<u64> = (0..12).collect();
        let sequential: Vec<_> = numbers.iter().map(|n| Some((n % 5).to_string())).collect();
        assert_eq!(
            ids(Order::Sequential, AtEnd::Recycle, &[true], &numbers),
            sequential
        );
        let stopped = ids(
            Order::Sequential,
            AtEnd::Stop,
            &[true],
            &[4, 5, WARMUP_NUMBERS + 7],
        );
        assert_eq!(
            stopped,
            [Some("4".into()), None, Some("2".into())],
            "a warm-up never ends"
        );
        let shuffled = ids(Order::Shuffled, AtEnd::Recycle, &[true], &numbers);
        for pass in shuffled[..10].chunks(5) {
            assert_eq!(
                pass.iter().collect::<BTreeSet<_>>().len(),
                5,
                "each row once in {pass:?}"
            );
        }
        assert_eq!(
            ids(Order::Shuffled, AtEnd::Recycle, &[true], &numbers),
            shuffled
        );
        let random = ids(Order::Random, AtEnd::Recycle, &[true], &numbers);
        assert!(random.iter().all(Option::is_some) && random != sequential);
        let failed = ids(
            Order::Sequential,
            AtEnd::Fail,
            &[true],
            &[4, 5, WARMUP_NUMBERS + 7],
        );
        assert_eq!(failed, [Some("4".into()), None, Some("2".into())]);
    }

    #[test]
    fn each_user_has_rows_of_its_own_and_as_many_as_all_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let range = FeedSource::Range(crate::plan::FeedRange {
            first: 0,
            last: 10,
            step: 1,
        });
        let rows = feed::read(folder.path(), &range, true).expect("good");
        let taken = |order, at_end, user: u64| {
            let mut plan = plan(order, at_end, &rows, &[true]);
            plan.feeds[0].split = Split::ByUser;
            plan.feeds[0].source = range.clone();
            plan.load.model = crate::plan::LoadModel::Closed { vus: 3 };
            let (names, choice) = (Names::new(&plan.names), Choice::new(&plan));
            let feeds = Feeds::read(&plan, &names, folder.path()).expect("unchanged");
            let mut counts = Vec::new();
            let mut take = |number| {
                let mut scope = names.start().clone();
                let taker = RowTaker {
                    index: user,
                    load: 0,
                    taken: &mut counts,
                };
                let dealt = feeds.deal(&[0], number, taker, &choice, plan.seed, &mut scope);
                dealt.ok().map(|()| scope.get(0).to_string())
            };
            take(WARMUP_NUMBERS + 7);
            // Which numbers its iterations have does not matter.
            [5, 6, 90, 91, 92].map(|number| take(number).unwrap_or_else(|| "end".into()))
        };
        let sequential = |user| taken(Order::Sequential, AtEnd::Recycle, user);
        assert_eq!(sequential(0), ["0", "3", "6", "0", "3"]);
        assert_eq!(sequential(2), ["2", "5", "8", "2", "5"]);
        let stopped = taken(Order::Sequential, AtEnd::Stop, 1);
        assert_eq!(stopped, ["1", "4", "7", "end", "end"]);
        let failed = taken(Order::Sequential, AtEnd::Fail, 1);
        assert_eq!(failed, ["1", "4", "7", "", ""]);
        let shuffled: Vec<_> = (0..3)
            .map(|user| taken(Order::Shuffled, AtEnd::Recycle, user))
            .collect();
        let different: BTreeSet<_> = shuffled.iter().flat_map(|rows| &rows[..3]).collect();
        assert_eq!(different.len(), 9, "{shuffled:?}");
        assert_eq!(shuffled[0][..2], shuffled[0][3..], "each keeps its rows");
        for row in taken(Order::Random, AtEnd::Recycle, 1) {
            assert_eq!(row.parse::<u64>().expect("a number") % 3, 1);
        }
    }

    #[test]
    fn only_iterations_that_take_a_row_are_counted() {
        let plan = plan(
            Order::Sequential,
            AtEnd::Recycle,
            &Rows {
                columns: Vec::new().into(),
                rows: RowList::Values(Vec::new()),
                digest: String::new(),
            },
            &[true, false],
        );
        let choice = Choice::new(&plan);
        let ranks = Ranks::new(vec![true, false]);
        let mut rank = 0;
        for number in 0..3 * BLOCK {
            assert_eq!(ranks.of(number, &choice), rank, "{number}");
            rank += u64::from(choice.mix_of(number) == 0);
        }
        assert!(rank > BLOCK / 2, "{rank}");
        // In a different order, and after the block has been evicted.
        for block in (0..20).rev() {
            ranks.of(block * BLOCK, &choice);
        }
        let before = (0..100)
            .filter(|number| choice.mix_of(*number) == 0)
            .count() as u64;
        assert_eq!(ranks.of(100, &choice), before);
        assert!(ranks.counted.lock().expect("no panic").kept.len() <= KEPT);
    }

    #[test]
    fn a_file_that_has_changed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let write =
            |text: &str| std::fs::write(folder.path().join("users.csv"), text).expect("written");
        write("id\n1\n");
        let plan = plan(
            Order::Sequential,
            AtEnd::Stop,
            &feed::read(folder.path(), &source(), true).expect("good"),
            &[true],
        );
        let names = Names::new(&plan.names);
        assert!(Feeds::read(&plan, &names, folder.path()).is_ok());
        write("id\n2\n");
        let message = Feeds::read(&plan, &names, folder.path())
            .err()
            .expect("changed")
            .to_string();
        assert!(
            message.contains("`users.csv` has changed")
                && message.contains("run the scenario again"),
            "{message}"
        );
    }
}
