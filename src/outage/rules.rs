//! The rule: what counts as an outage, and where a deadline goes.

use crate::platform::moment::{HOUR, MINUTE, Moment};
use crate::platform::refusal::Refused;
use crate::project::rulebook::Cited;
use serde::Deserialize;
use std::sync::LazyLock;

/// Marker for the id of an outage.
pub enum OutageMark {}

/// The numbers of `rulebooks/outage.toml`, each with its source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutageRule {
    pub counts_from_minutes: Cited<u16>,
    pub window_hours: Cited<u16>,
    pub short_until_hours: Cited<u16>,
    pub short_moves_hours: Cited<u16>,
    pub long_moves_hours: Cited<u16>,
}

static PUBLISHED: LazyLock<OutageRule> = LazyLock::new(|| {
    let text = include_str!("../../rulebooks/outage.toml");
    toml::from_str(text).unwrap_or_else(|bad| panic!("rulebooks/outage.toml: {bad}"))
});

fn hours(cited: &Cited<u16>) -> i64 {
    i64::from(cited.value) * HOUR
}

impl OutageRule {
    /// The rule of this program.
    pub fn published() -> &'static Self {
        &PUBLISHED
    }

    /// Whether a silence of `micros` is an outage.
    pub fn counts(&self, micros: i64) -> bool {
        micros >= i64::from(self.counts_from_minutes.value) * MINUTE
    }

    /// Where an outage from `from` to `to` puts `deadline`; `None` if it does not move: it had passed before, or the outage
    /// did not come near.
    pub fn moved(&self, deadline: Moment, from: Moment, to: Moment) -> Option<Moment> {
        let open = from < deadline;
        let near = to > deadline.plus(-hours(&self.window_hours));
        if !open || !near {
            return None;
        }
        let least = to.plus(hours(&self.short_moves_hours));
        if to.micros() - from.micros() <= hours(&self.short_until_hours) {
            let to_the_minute = (least.micros() + MINUTE - 1).div_euclid(MINUTE) * MINUTE;
            return Some(
                deadline.plus(hours(&self.short_moves_hours)).max(Moment::from_micros(to_the_minute)),
            );
        }
        let mut moved = deadline.plus(hours(&self.long_moves_hours));
        while moved < least {
            moved = moved.plus(hours(&self.long_moves_hours).max(HOUR));
        }
        Some(moved)
    }

    /// The last deadline that an outage which ended at `to` can come near to.
    pub fn reach(&self, to: Moment) -> Moment {
        to.plus(hours(&self.window_hours))
    }
}

/// Why a box is not closed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not known yet whether the platform was away.
    StalePulse,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::StalePulse => Self::new(409, "outage.refusal.stale_pulse"),
        }
    }
}
