//! The files of opened bids, for those who judge them and for those who watch the judging.

use super::{Room, Title, room};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Among, Entity, Expert, Supervisor, Who};
use crate::evaluation::standing::Evaluation;
use crate::ledger::Door;
use crate::opening::content::Content;
use crate::opening::store::{BidRow, opened_bids};
use crate::platform::database::Db;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, attached, reading};
use crate::project::standing::LotFacts;
use crate::sealed_bid::rules::envelopes_of;
use crate::sealing::bid_document::ListedFile;
use crate::sealing::context::EnvelopeKind;
use actix_web::web::{Data, Path};

/// A bid with its files as a page lists them.
pub(super) struct BidFiles {
    /// Number in the order of the read-out, and the bidder's name.
    pub name: String,
    pub files: Vec<FileLine>,
}

pub(super) struct FileLine {
    pub url: String,
    pub name: String,
    pub size: String,
}

/// An opened envelope of a bid; its files are numbered on through the envelopes.
type Opened = (EnvelopeKind, BidRow);

/// The envelopes of a bid that are open, in order.
fn opened_of(
    db: &mut Db,
    facts: &LotFacts,
    evaluation: &Evaluation,
    bid: &str,
) -> Result<Vec<Opened>, Fault> {
    let Some(organisation) = evaluation.opened.bidders.get(bid).copied() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for envelope in envelopes_of(&facts.terms) {
        let rows = opened_bids(db, facts.lot, *envelope)?;
        let own = rows.into_iter().filter(|row| row.organisation == organisation);
        found.extend(own.map(|row| (*envelope, row)));
    }
    Ok(found)
}

/// Their files, each with its envelope and its place there.
fn files_of(opened: &[Opened]) -> impl Iterator<Item = (&Opened, usize, &ListedFile)> {
    opened.iter().flat_map(|one| {
        let files = one.1.document.iter().flat_map(|document| &document.files);
        files.enumerate().map(move |(index, file)| (one, index, file))
    })
}

/// The files of one bid as a page lists them.
pub(super) async fn listed(
    p: &Page,
    door: &Door,
    (facts, evaluation): (&LotFacts, &Evaluation),
    bid: &str,
) -> Result<BidFiles, Failure> {
    let (inside, known, label) = (facts.clone(), evaluation.clone(), bid.to_owned());
    let opened = door.look(move |db| Ok(opened_of(db, &inside, &known, &label)?)).await?;
    let base = format!("/evaluation/{}/bid/{bid}", Title::of(facts).path);
    let line = |(place, (_, _, file)): (usize, (&Opened, usize, &ListedFile))| FileLine {
        url: format!("{base}/{place}"),
        name: file.name.clone(),
        size: human(file.size.0),
    };
    let files = (1..).zip(files_of(&opened)).map(line).collect();
    Ok(BidFiles { name: super::bid_name(p, evaluation, bid), files })
}

fn human(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes.div_ceil(1 << 10)) }
}

/// Whether `who` may read what was bid: a member who has not stepped down, or a supervisor.
fn may_read(evaluation: &Evaluation, who: &Who) -> bool {
    let seat = evaluation.seat_of(who.person);
    who.role == Role::Supervisor || seat.is_some_and(|seat| seat.stepped_down_at.is_none())
}

/// A file of an opened bid.
pub async fn file_get(
    Among(who, ..): Among<(Expert, Entity, Supervisor)>,
    door: Data<Door>,
    path: Path<(String, String, String, usize)>,
) -> Answer {
    let (number, lot, bid, place) = path.into_inner();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let Room { facts, evaluation, .. } = room(&door, &number, &lot).await?;
    let evaluation = evaluation.filter(|evaluation| may_read(evaluation, &who)).ok_or_else(missing)?;
    let vault = door.vault().clone();
    let found = door.look(move |db| {
        let opened = opened_of(db, &facts, &evaluation, &bid)?;
        let file = place.checked_sub(1).and_then(|at| files_of(&opened).nth(at));
        let Some(((envelope, row), index, file)) = file else { return Ok(None) };
        let content = Content::of(db, &vault, facts.lot, *envelope, row)?;
        Ok(content.map(|content| (content, index, file.clone())))
    });
    let (content, index, file) = found.await?.ok_or_else(missing)?;
    let files = door.files().clone();
    let begun = tokio::task::spawn_blocking(move || content.read(&files, index)).await;
    let body = reading::body(begun.map_err(Fault::from)??);
    Ok(attached::started("application/octet-stream", &file.name)
        // a length that is known shows a download that broke off
        .insert_header(("Content-Encoding", "identity"))
        .insert_header(("Content-Length", file.size.0))
        .streaming(body))
}
