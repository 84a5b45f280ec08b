//! [`Levels`]: the level of a load in stages, as a pure function of time.

use crate::base::Nanos;
use crate::plan::Stage;

/// Floating-point numbers this close are treated as equal: rounding errors are far smaller.
const CLOSE: f64 = 1e-6;

/// A stage, with its position.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    begin: Nanos,
    length: Nanos,
    from: f64,
    to: f64,
    /// The integral of the level from the start of the load to the stage's start, and to its end.
    area: (f64, f64),
}

impl Stretch {
    fn end(&self) -> Nanos {
        self.begin + self.length
    }

    fn level(&self, at: Nanos) -> f64 {
        let share = (at - self.begin).as_secs_f64() / self.length.as_secs_f64();
        (self.to - self.from).mul_add(share.min(1.0), self.from)
    }

    /// Returns the last moment at which the integral is still `area`, which it passes before the
    /// end.
    fn time_of(&self, area: f64) -> Nanos {
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        let area = (area - self.area.0).max(0.0);
        // The root of from·t + slope·t²/2 = area, in the form that avoids cancellation.
        let root = (2.0 * slope)
            .mul_add(area, self.from * self.from)
            .max(0.0)
            .sqrt();
        let time = if area > 0.0 {
            Nanos::from_secs_f64(2.0 * area / (self.from + root))
        } else {
            Nanos::ZERO
        };
        self.begin + time.min(self.length - Nanos(1))
    }
}

/// The level of a load in stages: arrivals per second, or virtual users. It is linear within a
/// stage; at a jump, the later level applies.
#[derive(Clone, Debug)]
pub struct Levels {
    stretches: Vec<Stretch>,
}

impl Levels {
    /// Creates the levels of these stages.
    pub fn new(stages: &[Stage]) -> Self {
        let mut stretches: Vec<Stretch> = Vec::new();
        let (mut begin, mut area) = (Nanos::ZERO, 0.0);
        for stage in stages.iter().filter(|stage| stage.duration > Nanos::ZERO) {
            let mut after =
                (stage.from + stage.to).mul_add(stage.duration.as_secs_f64() / 2.0, area);
            // Rounding must not move an arrival at the boundary of two stages to the wrong side.
            if (after - after.round()).abs() < CLOSE {
                after = after.round();
            }
            stretches.push(Stretch {
                begin,
                length: stage.duration,
                from: stage.from,
                to: stage.to,
                area: (area, after),
            });
            begin += stage.duration;
            area = after;
        }
        Self { stretches }
    }

    /// Returns a constant level equal to the initial one, for this length.
    pub fn beginning(&self, length: Nanos) -> Self {
        let level = self.level(Nanos::ZERO);
        Self::new(&[Stage {
            name: String::new(),
            duration: length,
            from: level,
            to: level,
            measure: false,
        }])
    }

    /// Returns the level at a moment; 0 after the end.
    pub fn level(&self, at: Nanos) -> f64 {
        let place = self
            .stretches
            .partition_point(|stretch| stretch.end() <= at);
        self.stretches
            .get(place)
            .map_or(0.0, |stretch| stretch.level(at))
    }

    /// Returns the moment from which the integral of the level exceeds `area`, if it ever does. If
    /// the level is 0 for a while, that is the end of the while, because nothing arrives in it.
    pub fn time_of(&self, area: f64) -> Option<Nanos> {
        let place = self
            .stretches
            .partition_point(|stretch| stretch.area.1 <= area);
        self.stretches
            .get(place)
            .map(|stretch| stretch.time_of(area))
    }

    /// Returns the first moment at or after `since` at which the level is at least `level`.
    pub fn reaches(&self, level: f64, since: Nanos) -> Option<Nanos> {
        let place = self
            .stretches
            .partition_point(|stretch| stretch.end() <= since);
        self.stretches[place..].iter().find_map(|stretch| {
            let since = since.max(stretch.begin);
            if stretch.level(since) >= level - CLOSE {
                return Some(since);
            }
            // Rounded up; the end of a stage belongs to the next one.
            let share = (level - stretch.from) / (stretch.to - stretch.from);
            let at = stretch.begin + Nanos((share * stretch.length.0 as f64).ceil() as u64);
            (stretch.to > stretch.from && at < stretch.end()).then_some(at.max(since))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stages(of: &[(u64, f64, f64)]) -> Vec<Stage> {
        of.iter()
            .map(|(ms, from, to)| Stage {
                name: String::new(),
                duration: Nanos::from_millis(*ms),
                from: *from,
                to: *to,
                measure: true,
            })
            .collect()
    }

    fn levels(of: &[(u64, f64, f64)]) -> Levels {
        Levels::new(&stages(of))
    }

    #[test]
    fn levels_are_linear_and_jump_where_a_stage_takes_no_time() {
        let levels = levels(&[
            (1000, 0.0, 10.0),
            (0, 10.0, 50.0),
            (2000, 50.0, 50.0),
            (1000, 50.0, 0.0),
        ]);
        let at = |ms| levels.level(Nanos::from_millis(ms));
        assert_eq!(
            [at(0), at(500), at(1000), at(2999), at(3500), at(4000)],
            [0.0, 5.0, 50.0, 50.0, 25.0, 0.0]
        );
    }

    #[test]
    fn a_level_is_reached_again_after_a_pause() {
        let levels = levels(&[
            (1000, 0.0, 10.0),
            (1000, 10.0, 0.0),
            (1000, 0.0, 0.0),
            (1000, 0.0, 10.0),
        ]);
        let after = |level, ms| {
            levels
                .reaches(level, Nanos::from_millis(ms))
                .map(|at| at.0 / 1_000_000)
        };
        assert_eq!(after(0.5, 0), Some(50));
        assert_eq!(after(9.5, 0), Some(950));
        assert_eq!(
            (after(9.5, 1050), after(9.5, 1051)),
            (Some(1050), Some(3950)),
            "it is reached up to the moment at which it falls below"
        );
        assert_eq!(after(0.5, 2500), Some(3050));
        assert_eq!((after(10.5, 0), after(0.5, 4000)), (None, None));
    }

    #[test]
    fn nothing_arrives_while_the_level_is_zero() {
        let levels = levels(&[(1000, 100.0, 100.0), (1000, 0.0, 0.0), (1000, 100.0, 100.0)]);
        let at = |k| levels.time_of(k).map(|at| at.0 / 1_000_000);
        assert_eq!(
            [
                at(0.0),
                at(99.0),
                at(100.0),
                at(101.0),
                at(199.0),
                at(200.0)
            ],
            [Some(0), Some(990), Some(2000), Some(2010), Some(2990), None]
        );
    }

    proptest! {
        #[test]
        fn the_integral_up_to_a_moment_is_what_the_moment_was_asked_for(
            of in prop::collection::vec((0u64..5_000, 0u32..2_000, 0u32..2_000), 1..12), share in 0.0f64..1.0,
        ) {
            let of: Vec<(u64, f64, f64)> = of.into_iter().map(|(ms, from, to)| (ms, f64::from(from), f64::from(to))).collect();
            let whole: f64 = of.iter().map(|(ms, from, to)| (from + to) / 2.0 * *ms as f64 / 1e3).sum();
            let levels = levels(&of);
            if let Some(at) = levels.time_of(share * whole) {
                let mut begin = 0.0;
                let area: f64 = of.iter().map(|(ms, from, to)| {
                    let length = *ms as f64 / 1e3;
                    let t = (at.as_secs_f64() - begin).clamp(0.0, length);
                    begin += length;
                    if length > 0.0 { from * t + (to - from) * t * t / (2.0 * length) } else { 0.0 }
                }).sum();
                prop_assert!((area - share * whole).abs() < 1e-4, "{area} and not {}", share * whole);
            }
        }

        #[test]
        fn where_a_level_is_said_to_be_reached_it_is(
            of in prop::collection::vec((0u64..5_000, 0u32..50, 0u32..50), 1..12), level in 0u32..50, since in 0u64..20_000,
        ) {
            let of: Vec<(u64, f64, f64)> = of.into_iter().map(|(ms, from, to)| (ms, f64::from(from), f64::from(to))).collect();
            let levels = levels(&of);
            let wanted = f64::from(level) + 0.5;
            if let Some(at) = levels.reaches(wanted, Nanos::from_millis(since)) {
                prop_assert!(at >= Nanos::from_millis(since));
                prop_assert!(levels.level(at) >= wanted - 2.0 * CLOSE, "{} at {at}", levels.level(at));
            }
        }
    }
}
