//! The committee's pages: forming it (agent), one task at a time (members), the report (everybody who may know it).

mod bid;
mod committee;
mod desk;
mod files;
mod papers;
mod rejection;
mod report;

pub use self::rejection::ReasonView;

use super::standing::{Evaluation, SeatFacts, Task};
use super::store;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::recording;
use crate::recording::rules::Session;

crate::routes! {
    GET "/evaluation" [Expert Entity] => desk::mine_get;
    GET "/evaluation/{number}/{lot}" [Agent Entity Expert Supervisor Centre] => committee::room_get;
    GET "/evaluation/{number}/{lot}/events" [Agent Entity Expert Supervisor Centre] => committee::events_get;
    POST "/evaluation/{number}/{lot}/committee" [Agent] => committee::committee_post;
    POST "/evaluation/{number}/{lot}/seat" [Agent] => committee::seat_post;
    POST "/evaluation/{number}/{lot}/start" [Agent Centre] => committee::start_post;
    POST "/evaluation/{number}/{lot}/prices" [Agent] => committee::prices_post;
    POST "/evaluation/{number}/{lot}/declaration" [Expert Entity] => desk::declare_post;
    GET "/evaluation/{number}/{lot}/review/sign" [Expert Entity] => papers::review_sign_get;
    POST "/evaluation/{number}/{lot}/review/sign" [Expert Entity] => papers::review_sign_post;
    GET "/evaluation/{number}/{lot}/review/{bid}" [Expert Entity] => bid::review_get;
    POST "/evaluation/{number}/{lot}/review/{bid}" [Expert Entity] => bid::review_post;
    GET "/evaluation/{number}/{lot}/scores/sign" [Expert Entity] => papers::sheet_sign_get;
    POST "/evaluation/{number}/{lot}/scores/sign" [Expert Entity] => papers::sheet_sign_post;
    POST "/evaluation/{number}/{lot}/scores/recall" [Expert Entity] => desk::recall_post;
    GET "/evaluation/{number}/{lot}/scores/{bid}" [Expert Entity] => bid::scores_get;
    POST "/evaluation/{number}/{lot}/scores/{bid}" [Expert Entity] => bid::scores_post;
    GET "/evaluation/{number}/{lot}/bid/{bid}/{file}" [Expert Entity Supervisor] => files::file_get;
    POST "/evaluation/{number}/{lot}/decision" [Expert Entity] => desk::decision_post;
    POST "/evaluation/{number}/{lot}/close" [Expert] => desk::close_post;
    GET "/evaluation/{number}/{lot}/report" [Agent Entity Expert Supervisor Centre] => report::report_get;
    GET "/evaluation/{number}/{lot}/report/sign" [Expert Entity] => papers::report_sign_get;
    POST "/evaluation/{number}/{lot}/report/sign" [Expert Entity] => papers::report_sign_post;
    POST "/evaluation/{number}/{lot}/report/refusal" [Expert] => papers::refusal_post;
}

/// A lot as a page names it.
#[derive(Clone)]
pub(super) struct Title {
    /// `number/lot`, as in addresses.
    pub path: String,
    pub number: String,
    pub lot: String,
    pub title: String,
}

impl Title {
    fn of(facts: &LotFacts) -> Self {
        Self {
            path: format!("{}/{}", facts.number, facts.lot_number),
            number: facts.number.to_string(),
            lot: facts.lot_number.to_string(),
            title: format!("{} · {}", facts.tender_title, facts.title),
        }
    }
}

/// What a page of this room knows.
pub(super) struct Room {
    pub facts: LotFacts,
    pub evaluation: Option<Evaluation>,
    pub session: Option<Id<Session>>,
}

impl Room {
    /// Whether the room is open to `who`: to its members, agent and entity of the tender, supervisor and centre. To
    /// everybody else it is not there.
    fn admits(&self, who: &Who) -> bool {
        let seat =
            self.evaluation.as_ref().is_some_and(|evaluation| evaluation.seat_of(who.person).is_some());
        let organisations = [self.facts.agent_organisation, self.facts.entity_organisation];
        let own = organisations.contains(&who.organisation) && who.role != Role::Expert;
        seat || own || matches!(who.role, Role::Supervisor | Role::Centre)
    }
}

/// A member's seat with everything around it.
pub(super) struct Seated {
    pub facts: LotFacts,
    pub evaluation: Evaluation,
    pub seat: SeatFacts,
    pub task: Task,
    pub session: Option<Id<Session>>,
}

/// The lot of an address.
pub(super) async fn lot_of(door: &Door, number: &str, lot: &str) -> Result<Id<Lot>, Failure> {
    let (number, lot) = (number.to_owned(), lot.to_owned());
    door.look(move |db| Ok(project::store::lot_named(db, &number, &lot)?.lot)).await
}

pub(super) async fn room(door: &Door, number: &str, lot: &str) -> Result<Room, Failure> {
    let (vault, number, lot) = (door.vault().clone(), number.to_owned(), lot.to_owned());
    door.look(move |db| {
        let facts = project::store::lot_named(db, &number, &lot)?;
        let evaluation = store::evaluation(db, &vault, facts.lot)?;
        let open = |row: &recording::store::SessionRow| row.closed_at.is_none();
        let session = recording::store::sessions_of(db, facts.lot)?.into_iter().find(open).map(|row| row.id);
        Ok(Room { facts, evaluation, session })
    })
    .await
}

/// The seat of `who`; 404 for people without one, so that an address tells nobody that there is a committee.
pub(super) async fn seated(door: &Door, who: &Who, number: &str, lot: &str) -> Result<Seated, Failure> {
    let Room { facts, evaluation, session } = room(door, number, lot).await?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let evaluation = evaluation.ok_or_else(missing)?;
    let seat = evaluation.seat_of(who.person).cloned().ok_or_else(missing)?;
    let started = facts.reached(Milestone::EvaluationStarted).is_some();
    let inputs = evaluation.inputs(&facts)?;
    let task = evaluation.task(&seat, started, &inputs);
    Ok(Seated { facts, evaluation, seat, task, session })
}

/// A bid in words: its number in the order of the read-out, and its bidder.
pub(super) fn bid_name(p: &Page, evaluation: &Evaluation, bid: &str) -> String {
    let number = bid.trim_start_matches('b');
    p.tvv("evaluation.bid_no", "number", number, "name", evaluation.bidder(bid))
}

/// A member in words. Names stay secret until the award; the number says who is meant.
pub(super) fn member_name(p: &Page, member: &str) -> String {
    p.tv("evaluation.member_no", "number", member.trim_start_matches('m'))
}

fn damaged() -> Fault {
    Fault::new("a damaged evaluation")
}
