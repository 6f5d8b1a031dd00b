//! 投影 The hall on the wall: one thing at a time, in letters that can be read from the last row.

use super::view::{EnvelopeView, HallPage, LineView, Seen};
use super::{Place, lot_of};
use crate::account::page::Page;
use crate::ledger::Door;
use crate::opening::progress::Progress;
use crate::platform::web::Answer;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

/// Rows that fit on a wall.
const ROWS: usize = 8;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The envelope; without it the one that is being opened.
    #[serde(default)]
    envelope: String,
    /// One bid alone, by its place in the read-out, from 1.
    bid: Option<usize>,
    /// The first place of a table of [`ROWS`].
    from: Option<usize>,
}

#[derive(Template)]
#[template(path = "opening/screen.html")]
struct ScreenPage {
    p: Page,
    hall: HallPage,
    /// Place of the envelope among the hall's.
    shown: Option<usize>,
    bid: Option<usize>,
    from: usize,
    /// Addresses of what comes before and after in the read-out.
    before: Option<String>,
    after: Option<String>,
}

impl ScreenPage {
    fn envelope(&self) -> Option<&EnvelopeView> {
        self.hall.envelopes.get(self.shown?)
    }

    /// The one bid that is shown alone.
    fn alone(&self) -> Option<&LineView> {
        self.envelope()?.lines.get(self.bid?.checked_sub(1)?)
    }

    fn rows(&self) -> &[LineView] {
        let lines = self.envelope().map(|envelope| envelope.lines.as_slice()).unwrap_or_default();
        let rest = lines.get(self.from.saturating_sub(1)..).unwrap_or_default();
        rest.get(..ROWS).unwrap_or(rest)
    }
}

pub(super) async fn screen_get(
    p: Page,
    door: web::Data<Door>,
    progress: web::Data<Progress>,
    path: Place,
    asked: web::Query<Asked>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, p.who.as_ref()).await?;
    let (now, vault, progress) = (p.now, door.vault().clone(), progress.as_ref().clone());
    // nobody in particular is looking at a wall: no buttons
    let seen = door.look(move |db| Seen::gather(db, &vault, facts, None, now, &progress)).await?;
    let hall = HallPage::new(&p, seen);
    let asked_for = hall.envelopes.iter().position(|envelope| envelope.code == asked.envelope);
    let shown = asked_for.or_else(|| hall.envelopes.len().checked_sub(1));
    let lines = shown.and_then(|at| hall.envelopes.get(at)).map_or(0, |envelope| envelope.lines.len());
    let bid = asked.bid.map(|bid| bid.clamp(1, lines.max(1))).filter(|_| lines > 0);
    let from = asked.from.unwrap_or(1).clamp(1, lines.max(1));
    let code = shown.and_then(|at| hall.envelopes.get(at)).map_or("", |envelope| envelope.code);
    let (before, after) = match bid {
        Some(bid) => (bid.checked_sub(1).filter(|at| *at > 0), Some(bid + 1).filter(|at| *at <= lines)),
        None => (
            (from > 1).then(|| from.saturating_sub(ROWS).max(1)),
            Some(from + ROWS).filter(|at| *at <= lines),
        ),
    };
    let what = if bid.is_some() { "bid" } else { "from" };
    let address = |place: usize| format!("?envelope={code}&{what}={place}");
    let (before, after) = (before.map(address), after.map(address));
    p.html(&ScreenPage { p: p.clone(), hall, shown, bid, from, before, after })
}
