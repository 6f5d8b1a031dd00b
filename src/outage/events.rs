//! What the log learns.

use super::rules::OutageMark;
use crate::ledger::Event;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::project::rules::Tender;
use serde::Serialize;

/// The platform was away.
#[derive(Serialize)]
pub(super) struct Recorded {
    pub outage: Id<OutageMark>,
    /// The last pulse before it, and the first after it.
    pub from: Moment,
    pub to: Moment,
}

impl Event for Recorded {
    const KIND: &'static str = "outage.recorded";
    const NUMBER: u8 = 220;
}

/// A bid deadline moved because of it.
#[derive(Serialize)]
pub(super) struct DeadlineMoved {
    pub outage: Id<OutageMark>,
    pub tender: Id<Tender>,
    pub was: Moment,
    pub now: Moment,
    /// What says so.
    pub article: &'static str,
}

impl Event for DeadlineMoved {
    const KIND: &'static str = "outage.deadline_moved";
    const NUMBER: u8 = 221;
}
