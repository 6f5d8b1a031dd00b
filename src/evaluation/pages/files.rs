//! The files of opened bids, for those who judge them and for those who watch the judging.

use super::{Room, Title, room};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Among, Entity, Expert, Supervisor, Who};
use crate::evaluation::standing::Evaluation;
use crate::ledger::Door;
use crate::opening::store::{FileRow, files, opened_bids};
use crate::platform::database::Db;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use crate::sealed_bid::rules::envelopes_of;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use futures_util::StreamExt;

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

/// The files of a bid whose envelopes are open, in order.
fn files_of(
    db: &mut Db,
    facts: &LotFacts,
    evaluation: &Evaluation,
    bid: &str,
) -> Result<Vec<FileRow>, Fault> {
    let Some(organisation) = evaluation.opened.bidders.get(bid).copied() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for envelope in envelopes_of(&facts.terms) {
        let rows = opened_bids(db, facts.lot, *envelope)?;
        let own = rows.iter().find(|row| row.organisation == organisation).map(|row| row.m);
        found.extend(files(db, facts.lot, *envelope)?.into_iter().filter(|file| Some(file.m) == own));
    }
    Ok(found)
}

/// The files of one bid as a page lists them.
pub(super) async fn listed(
    p: &Page,
    door: &Door,
    (facts, evaluation): (&LotFacts, &Evaluation),
    bid: &str,
) -> Result<BidFiles, Failure> {
    let (inside, known, label) = (facts.clone(), evaluation.clone(), bid.to_owned());
    let rows = door.look(move |db| Ok(files_of(db, &inside, &known, &label)?)).await?;
    let base = format!("/evaluation/{}/bid/{bid}", Title::of(facts).path);
    let line = |(place, file): (usize, &FileRow)| FileLine {
        url: format!("{base}/{place}"),
        name: file.name.clone(),
        size: human(file.size),
    };
    Ok(BidFiles { name: super::bid_name(p, evaluation, bid), files: (1..).zip(&rows).map(line).collect() })
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
    let found = door.look(move |db| Ok(files_of(db, &facts, &evaluation, &bid)?)).await?;
    let file = place.checked_sub(1).and_then(|at| found.get(at)).ok_or_else(missing)?;
    let (store, parts) = (door.files().clone(), file.parts.clone());
    let body = futures_util::stream::iter(parts)
        .then(move |part| {
            let store = store.clone();
            async move { store.get(&part).await }
        })
        .map(|part| part.map_err(|fault| actix_web::error::ErrorInternalServerError(fault.to_string())));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
    let letter = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    let name: String = file.name.bytes().map(letter).collect();
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", format!("attachment; filename*=UTF-8''{name}")))
        .streaming(body))
}
