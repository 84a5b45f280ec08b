//! How figures are written so that they are read back exactly: instants as nanoseconds, sums of 128
//! bits as text, and counts of failures by the names of their kinds.

/// [`Nanos`](crate::base::Nanos) as a number.
pub(crate) mod ns {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::base::Nanos;

    pub(crate) fn serialize<S: Serializer>(value: &Nanos, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Nanos, D::Error> {
        u64::deserialize(from).map(Nanos)
    }
}

/// Numbers of 128 bits as text: many readers of JSON know only 53 bits.
pub(crate) mod text {
    use std::borrow::Cow;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Counts by kind of failure, without those that are zero.
pub(crate) mod by_kind {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::metrics::FailureKind;

    type Counts = [u64; FailureKind::COUNT];

    pub(crate) fn serialize<S: Serializer>(counts: &Counts, to: S) -> Result<S::Ok, S::Error> {
        FailureKind::named(counts).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Counts, D::Error> {
        let mut counts = [0; FailureKind::COUNT];
        for (name, count) in BTreeMap::<String, u64>::deserialize(from)? {
            let kind = FailureKind::from_name(&name)
                .ok_or_else(|| D::Error::custom(format!("unknown kind of failure `{name}`")))?;
            counts[kind as usize] = count;
        }
        Ok(counts)
    }

    /// Like [`serialize`], of counts that only exist where there was a failure.
    pub(crate) fn serialize_any<S: Serializer>(
        counts: &Option<Box<Counts>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        serialize(
            &counts
                .as_deref()
                .copied()
                .unwrap_or([0; FailureKind::COUNT]),
            to,
        )
    }

    /// Like [`deserialize`], of counts that exist.
    pub(crate) fn deserialize_any<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Box<Counts>>, D::Error> {
        deserialize(from).map(|counts| Some(Box::new(counts)))
    }
}
