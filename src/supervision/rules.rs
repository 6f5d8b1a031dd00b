//! What a supervisor may see of the log, and when.

use crate::project::phase::Milestone;
use crate::project::standing::LotFacts;

/// How much of an entry is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Kind, moment, role, index and content.
    Whole,
    /// The same without content.
    Line,
    /// Not even that it exists.
    Nothing,
}

/// Rooms whose events about a sealed subject tell nothing about bidders.
const NEVER_ABOUT_BIDDERS: [&str; 2] = ["expert_draw", "recording"];

/// How much of an entry of this `kind` is shown.
///
/// `sealed` says whether the entry stands under a sealed subject: bids, deposits, drawn experts. Until the bids are
/// opened (or it is declared that they will not be) entries about bidders do not exist for anybody. Scores and
/// reasons of an evaluation are shown when its report is signed.
pub fn is_shown(kind: &str, sealed: bool, facts: &LotFacts) -> Shown {
    let room = kind.split('.').next().unwrap_or_default();
    let reached = |milestone| facts.reached(milestone).is_some();
    let opened = reached(Milestone::Opened) || reached(Milestone::NotOpened);
    if sealed && !opened && !NEVER_ABOUT_BIDDERS.contains(&room) {
        return Shown::Nothing;
    }
    if room == "evaluation" && !reached(Milestone::Evaluated) {
        return Shown::Line;
    }
    if sealed { Shown::Line } else { Shown::Whole }
}
