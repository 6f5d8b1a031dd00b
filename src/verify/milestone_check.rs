//! The lot's course: the milestones that the log holds, in their lawful order, and the box closed no earlier than the
//! schedule said.

use super::container::Archive;

use serde_json::Value;

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::platform::moment::Moment;
use crate::project::phase::Milestone;

/// Milestones that follow each other in every tender that reaches them.
const COURSE: [Milestone; 9] = [
    Milestone::Announced,
    Milestone::BiddingClosed,
    Milestone::Opened,
    Milestone::EvaluationStarted,
    Milestone::Evaluated,
    Milestone::CandidatesPublished,
    Milestone::Awarded,
    Milestone::ResultPublished,
    Milestone::ContractSigned,
];

/// The milestones of the lot that the log holds: index of the entry, time, milestone.
fn reached<A: Archive>(bundle: &Bundle<A>, proven: &Proven) -> Vec<(u64, Moment, Milestone)> {
    let of_lot = |event: &Value| event.get("lot").and_then(Value::as_str) == Some(&bundle.contents.id);
    proven
        .events("project.milestone_reached")
        .filter(|(_, event)| of_lot(&event.event))
        .filter_map(|(index, event)| {
            let milestone = serde_json::from_value(event.event.get("milestone")?.clone()).ok()?;
            Some((index, event.at, milestone))
        })
        .collect()
}

/// Whether the log says that the lot was awarded: from then on the names of the committee may be known.
pub(super) fn awarded<A: Archive>(bundle: &Bundle<A>, proven: &Proven) -> bool {
    reached(bundle, proven).iter().any(|(.., milestone)| *milestone == Milestone::Awarded)
}

/// Checks the course of the lot.
pub fn check<A: Archive>(bundle: &Bundle<A>, proven: &Proven, findings: &mut Findings) {
    let reached = reached(bundle, proven);
    if reached.is_empty() {
        findings.absent("milestones", "the bundle has no milestones of the lot");
        return;
    }
    let mut complaints = Vec::new();
    let first = |milestone: Milestone| reached.iter().find(|(_, _, other)| *other == milestone);
    let course: Vec<_> = COURSE.iter().filter_map(|milestone| first(*milestone)).collect();
    for pair in course.windows(2) {
        let ((early, from, a), (late, until, b)) = (pair[0], pair[1]);
        if early >= late || from > until {
            complaints.push(format!("{} (entry {late}) came before {} (entry {early})", b.code(), a.code()));
        }
    }
    if let Some((index, at, _)) = first(Milestone::BiddingClosed) {
        complaints.extend(closed_early(proven, *index, *at));
    }
    let names: Vec<&str> = reached.iter().map(|(_, _, milestone)| milestone.code()).collect();
    findings.judge("milestones", complaints, names.join(", "));
}

fn closed_early(proven: &Proven, index: u64, at: Moment) -> Option<String> {
    let schedules = proven.events("project.schedule_set").filter(|(set, _)| *set < index);
    let schedule = schedules.last()?.1.event.get("schedule")?.clone();
    let deadline = Moment::parse(schedule.get("bids_until")?.as_str()?)?;
    (at < deadline).then(|| {
        format!("bidding was closed at {}, before the deadline {}", at.rfc3339(), deadline.rfc3339())
    })
}
