//! 开标记录 The published record as a page that people read and print: what the signed document says, no more.

use super::view::{ReadOutView, record_lines, role_name};
use super::{Envelope, envelope_of};
use crate::account::page::Page;
use crate::ledger::Door;
use crate::opening::record::OpeningRecord;
use crate::opening::rules::Refusal;
use crate::opening::store::{self, SignatureRow};
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::sealing::document::Bytes;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "opening/minutes.html")]
struct MinutesPage {
    p: Page,
    record: OpeningRecord,
    code: &'static str,
    published_at: Moment,
    entity: String,
    read_out: ReadOutView,
    signatures: Vec<SignatureRow>,
    hash: String,
}

impl MinutesPage {
    fn role(&self, code: &str) -> String {
        role_name(&self.p, code)
    }

    /// The bidder of a bid of the read-out.
    fn bidder(&self, m: &Bytes<32>) -> &str {
        self.record.read_out.iter().find(|bid| bid.m == *m).map_or("", |bid| bid.bidder.as_str())
    }

    /// Who is on the sign-in list and has not signed: room for a pen.
    fn unsigned(&self) -> Vec<&crate::opening::record::Arrival> {
        let signed = |arrival: &&crate::opening::record::Arrival| {
            self.signatures
                .iter()
                .any(|row| row.name == arrival.name && row.organisation == arrival.organisation)
        };
        self.record.arrivals.iter().filter(|arrival| !signed(arrival)).collect()
    }
}

pub(super) async fn minutes_get(p: Page, door: web::Data<Door>, path: Envelope) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, p.who.as_ref()).await?;
    let lot = facts.lot;
    let found = door.look(move |db| {
        let found = store::record(db, lot, envelope)?;
        Ok((found, store::signatures(db, lot, envelope)?))
    });
    let (found, signatures) = found.await?;
    let (record, published_at) = found.ok_or_else(|| Failure::from(Refused::from(Refusal::NoRecord)))?;
    let read_out = record_lines(&p, &facts, &record);
    p.html(&MinutesPage {
        p: p.clone(),
        code: envelope.code(),
        published_at,
        entity: facts.entity_name.clone(),
        read_out,
        signatures,
        hash: b64u(&record.hash()),
        record,
    })
}
