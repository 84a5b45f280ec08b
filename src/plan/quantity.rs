//! [`Quantity`]: what is measured of every operation, iteration or stream.

/// A duration measured for every operation or iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// completed − intended.
    Response,
    /// completed − intended, of good operations only.
    Ok,
    /// completed − started.
    Service,
    /// The load generator's own lateness.
    Lag,
    /// Deliberate waiting.
    Queue,
    /// intended → end of the flow.
    Iteration,
    /// started → first byte of the response.
    FirstByte,
    /// intended → first counted event of a stream.
    StreamFirst,
    /// started → first counted event of a stream.
    StreamService,
    /// Between counted events of a stream.
    StreamGap,
    /// The time per unit of a stream.
    StreamUnit,
    /// The units per second of a stream: not a duration, but as much a figure of each.
    StreamRate,
}

impl Quantity {
    /// All quantities.
    pub const ALL: [Self; 12] = [
        Self::Response,
        Self::Ok,
        Self::Service,
        Self::Lag,
        Self::Queue,
        Self::Iteration,
        Self::FirstByte,
        Self::StreamFirst,
        Self::StreamService,
        Self::StreamGap,
        Self::StreamUnit,
        Self::StreamRate,
    ];

    /// Returns whether only streams have it.
    pub const fn is_of_streams(self) -> bool {
        matches!(
            self,
            Self::StreamFirst
                | Self::StreamService
                | Self::StreamGap
                | Self::StreamUnit
                | Self::StreamRate
        )
    }

    /// Returns whether the timeline has it.
    pub const fn is_of_windows(self) -> bool {
        matches!(
            self,
            Self::Response | Self::StreamFirst | Self::StreamGap | Self::StreamUnit
        )
    }

    /// Returns the prefix before the last dot.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Ok => "ok",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::Queue => "queue",
            Self::Iteration => "iteration",
            Self::FirstByte => "first_byte",
            Self::StreamFirst => "stream.first",
            Self::StreamService => "stream.first_service",
            Self::StreamGap => "stream.gap",
            Self::StreamUnit => "stream.unit",
            Self::StreamRate => "stream.rate",
        }
    }
}
