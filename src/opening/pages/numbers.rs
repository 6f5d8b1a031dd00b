//! 抽取系数 The numbers that are drawn at the opening, as everybody in the hall sees them, and the record of a draw as a file.

use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::expert_draw::actions::{self as drawing, NumberDraw};
use crate::expert_draw::public_value::PublicSource;
use crate::expert_draw::rules::{Step, Subject};
use crate::expert_draw::store::{self as draws, PartyRow};
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use crate::project::store::seen_lot;
use actix_web::{HttpResponse, web};

/// One number.
pub(super) struct NumberView {
    pub name: String,
    pub choices: String,
    pub value: Option<String>,
    pub draw: Option<DrawView>,
    /// Where this reader goes on: the draw if they are a party, or setting it up if they are the agent or entity.
    pub href: String,
    /// Their own step waits.
    pub turn: bool,
}

/// Its draw.
pub(super) struct DrawView {
    pub id: String,
    pub step: String,
    pub reveal_by: String,
    pub public_at: String,
    pub source: String,
    pub public_value: String,
    pub drawn_at: String,
    pub parties: Vec<PartyView>,
}

pub(super) struct PartyView {
    pub name: String,
    pub committed: String,
    pub revealed: String,
    pub value: String,
}

impl NumberView {
    pub fn new(p: &Page, facts: &LotFacts, who: Option<&Who>, now: Moment, number: NumberDraw) -> Self {
        let party = who.filter(|who| match who.role {
            Role::Agent | Role::Entity => facts.is_own(who),
            role => matches!(role, Role::Supervisor | Role::Centre),
        });
        let (mut href, mut turn) = (String::new(), false);
        // one that was not fixed in time needs another
        let under_way = number.draw.as_ref().map(|(row, parties)| (row, draws::progress(row, parties)));
        let under_way = under_way.filter(|(_, progress)| progress.step(now) != Step::Failed);
        if let (Some(who), Some((row, progress))) = (party, under_way) {
            href = format!("/expert-draw/draw/{}", row.id);
            turn = progress.whose_turn(now).iter().any(|code| code == who.role.code());
        } else if party.is_some_and(|who| matches!(who.role, Role::Agent | Role::Entity)) {
            href = format!("/expert-draw/{}", facts.name());
            turn = true;
        }
        Self {
            name: number.name,
            choices: number.choices.join("、"),
            value: number.value,
            draw: number.draw.map(|(row, parties)| DrawView {
                step: p.t(draws::progress(&row, &parties).step(now).key()),
                id: row.id.to_string(),
                reveal_by: row.reveal_by.beijing(),
                public_at: row.public_at.beijing(),
                source: source(p, &row.source),
                public_value: row.public_value.unwrap_or_default(),
                drawn_at: row.drawn_at.map(Moment::beijing).unwrap_or_default(),
                parties: parties.iter().map(|party| party_view(p, party)).collect(),
            }),
            href,
            turn,
        }
    }
}

fn party_view(p: &Page, party: &PartyRow) -> PartyView {
    PartyView {
        name: p.t(&format!("account.role.{}", party.party)),
        committed: party.committed_at.map(Moment::beijing).unwrap_or_default(),
        revealed: party.revealed_at.map(Moment::beijing).unwrap_or_default(),
        value: party.public_value.as_ref().map(|value| value.text().to_owned()).unwrap_or_default(),
    }
}

fn source(p: &Page, source: &PublicSource) -> String {
    crate::expert_draw::pages::source_words(p, source)
}

/// The record of a number's draw, for whoever wants to compute it again (`sunbid draw FILE`). Public: it names nobody.
pub(super) async fn record_get(door: web::Data<Door>, path: web::Path<(String, String, String)>) -> Answer {
    let (number, lot, draw) = path.into_inner();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let id = Id::parse(&draw).ok_or_else(missing)?;
    let vault = door.vault().clone();
    let record = door
        .look(move |db| {
            let lot = seen_lot(db, &number, &lot, None)?.lot;
            let row = draws::draw(db, id)?.ok_or_else(missing)?;
            if row.lot != lot || row.subject != Subject::Coefficient {
                return Err(missing().into());
            }
            Ok(drawing::record_text(db, &vault, &row)?.ok_or_else(missing)?)
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{draw}.draw.json\"")))
        .body(record))
}
