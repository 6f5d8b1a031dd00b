//! What the hall page shows, and to whom which button.

use super::keys::{KeysView, NamedBid, Reader};
use super::numbers::NumberView;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::expert_draw::actions::{NumberDraw, number_draws};
use crate::opening::actions::can_open;
use crate::opening::progress::{BidStep, Progress};
use crate::opening::protocol;
use crate::opening::record::{Arrival, BidderKeys, OpeningRecord};
use crate::opening::rules::Closing;
use crate::opening::store::{self, BidRow, ObjectionRow, Released, SignatureRow, Sitting};
use crate::platform::database::Db;
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::platform::vault::Vault;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::standing::LotFacts;
use crate::sealed_bid::drill::{self, Readiness};
use crate::sealed_bid::rules::{ENTERPRISE, ENTERPRISES, envelopes_of, fields_of};
use crate::sealed_bid::store::{counted, counted_of};
use crate::sealed_bid::trustees_store;
use crate::sealing::bid_document::Form;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::trustees::TrusteeSet;
use askama::Template;

/// Everything that was read for the page.
pub struct Seen {
    facts: LotFacts,
    who: Option<Who>,
    now: Moment,
    closing: Option<Closing>,
    arrivals: Vec<Arrival>,
    arrived: bool,
    objections: Vec<ObjectionRow>,
    trustees: Option<TrusteeSet>,
    untried: bool,
    /// The visitor's organisation has a bid that counts.
    bids: bool,
    envelopes: Vec<SeenEnvelope>,
    numbers: Vec<NumberDraw>,
}

/// The bidders' phase, and of its bids: whose they are, and whether they are the visitor's own.
type SeenKeys = (BidderKeys, Vec<NamedBid>);

struct SeenEnvelope {
    sitting: Sitting,
    keys: Option<SeenKeys>,
    releases: Vec<Released>,
    bids: Vec<BidRow>,
    record: Option<OpeningRecord>,
    published_at: Option<Moment>,
    signatures: Vec<SignatureRow>,
    /// Where each bid stands while they are being opened.
    running: Vec<BidStep>,
}

impl Seen {
    pub fn gather(
        db: &mut Db,
        vault: &Vault,
        facts: LotFacts,
        who: Option<Who>,
        now: Moment,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let lot = facts.lot;
        let closing = store::closing(db, lot)?;
        let mut envelopes = Vec::new();
        let mut bids = false;
        for kind in envelopes_of(&facts.terms) {
            if let (Some(closing), Some(who)) =
                (&closing, who.as_ref().filter(|who| who.role == Role::Bidder))
            {
                let own = counted_of(db, vault, (lot, *kind), who.organisation, closing.size)?;
                bids |= own.is_some();
            }
            let Some(sitting) = store::sitting(db, lot, *kind)? else { continue };
            envelopes.push(SeenEnvelope {
                keys: seen_keys(db, vault, &facts, *kind, who.as_ref())?,
                releases: store::releases(db, lot, *kind)?,
                bids: store::bids(db, lot, *kind)?,
                record: protocol::record_of(db, vault, &facts, *kind)?,
                published_at: store::record(db, lot, *kind)?.map(|(_, at)| at),
                signatures: store::signatures(db, lot, *kind)?,
                running: progress.of(lot, *kind),
                sitting,
            });
        }
        let person = who.as_ref().map(|who| who.person.to_string()).unwrap_or_default();
        Ok(Self {
            arrivals: store::arrivals(db, lot)?,
            arrived: store::has_arrived(db, lot, &person)?,
            objections: store::objections(db, lot)?,
            numbers: number_draws(db, vault, &facts)?,
            trustees: trustees_store::complete_set(db, facts.tender)?,
            untried: !matches!(drill::readiness(db, facts.tender)?, Readiness::Done | Readiness::NoSet),
            facts,
            who,
            now,
            closing,
            bids,
            envelopes,
        })
    }

    fn may(&self, step: Step) -> bool {
        self.who.as_ref().is_some_and(|who| match who.role {
            Role::Agent | Role::Entity => self.facts.may_own(step, who, self.now).is_ok(),
            role => self.facts.may(step, role, self.now).is_ok(),
        })
    }

    /// Whether this reader may read the papers of every bidder.
    fn may_read_papers(&self) -> bool {
        self.who.as_ref().is_some_and(|who| match who.role {
            Role::Agent | Role::Entity => self.facts.is_own(who),
            role => matches!(role, Role::Supervisor | Role::Centre),
        })
    }

    fn own_place(&self) -> Option<u8> {
        let person = self.who.as_ref()?.person;
        let at = self.facts.custody.as_ref()?.trustees.iter().position(|trustee| trustee.person == person)?;
        u8::try_from(at + 1).ok()
    }
}

/// The bidders' phase of an envelope, with the names of its bidders.
fn seen_keys(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    envelope: EnvelopeKind,
    who: Option<&Who>,
) -> Result<Option<SeenKeys>, Failure> {
    let Some(keys) = protocol::bidder_keys(db, facts.lot, envelope)? else { return Ok(None) };
    let Some(closing) = store::closing(db, facts.lot)? else { return Ok(None) };
    let mut bids = Vec::new();
    for bid in counted(db, vault, facts.lot, envelope, closing.size)? {
        let name = crate::party::store::get(db, bid.organisation)?.map(|found| found.name);
        let own = who.is_some_and(|who| who.role == Role::Bidder && who.organisation == bid.organisation);
        bids.push((Bytes(bid.m), name.unwrap_or_default(), own));
    }
    Ok(Some((keys, bids)))
}

#[derive(Template)]
#[template(path = "opening/hall.html")]
pub struct HallPage {
    pub(super) p: Page,
    pub(super) number: String,
    pub(super) lot: String,
    pub(super) title: String,
    pub(super) deadline: Moment,
    /// The code of a [`Stage`].
    pub(super) stage: &'static str,
    /// The stage and how far it is, in one sentence that screen readers say when it changes.
    pub(super) said: String,
    pub(super) minimum: u32,
    /// The trustees have not shown that they can open bids.
    pub(super) untried: bool,
    pub(super) closing: Option<ClosingView>,
    pub(super) can_close: bool,
    pub(super) can_arrive: bool,
    pub(super) arrivals: Vec<ArrivalView>,
    pub(super) envelopes: Vec<EnvelopeView>,
    /// Numbers that the method leaves to a draw.
    pub(super) numbers: Vec<NumberView>,
    pub(super) objections: Vec<ObjectionView>,
    pub(super) can_object: bool,
    pub(super) can_answer: bool,
}

pub(super) struct ClosingView {
    pub(super) size: u64,
    pub(super) root: String,
    pub(super) at: String,
    pub(super) bidders: u32,
}

pub(super) struct ArrivalView {
    pub(super) name: String,
    pub(super) organisation: String,
    pub(super) role: String,
    pub(super) at: String,
}

pub(super) struct ObjectionView {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) words: String,
    pub(super) at: String,
    pub(super) answer: Option<String>,
    pub(super) answered_at: String,
}

pub(super) struct EnvelopeView {
    pub(super) code: &'static str,
    pub(super) bids: usize,
    pub(super) trustees: Vec<TrusteeView>,
    pub(super) have: usize,
    pub(super) need: u8,
    pub(super) keys: Option<KeysView>,
    pub(super) opened_at: Option<String>,
    /// Where each bid stands while they are being opened, in the order of the bid set.
    pub(super) running: Vec<BidStep>,
    pub(super) can_release: bool,
    pub(super) can_open: bool,
    pub(super) opener: bool,
    pub(super) title: String,
    /// Name of each column; prices are set to the right.
    pub(super) fields: Vec<Column>,
    pub(super) lines: Vec<LineView>,
    pub(super) record: Option<RecordView>,
}

pub(super) struct Column {
    pub(super) name: String,
    pub(super) number: bool,
}

pub(super) struct TrusteeView {
    pub(super) i: u8,
    pub(super) organisation: String,
    pub(super) released_at: Option<String>,
    pub(super) wrong: usize,
}

pub(super) struct LineView {
    pub(super) place: usize,
    pub(super) bidder: String,
    pub(super) submitted_at: String,
    pub(super) values: Vec<Cell>,
    /// Locale keys of the cause and of who is to blame, if it was not opened.
    pub(super) not_opened: Option<(String, String)>,
}

pub(super) struct Cell {
    pub(super) text: String,
    pub(super) number: bool,
}

pub(super) struct RecordView {
    pub(super) hash: String,
    pub(super) statement: String,
    pub(super) published_at: Option<String>,
    pub(super) signatures: Vec<SignatureView>,
    pub(super) can_publish: bool,
    pub(super) can_sign: bool,
    pub(super) unanswered: usize,
}

pub(super) struct SignatureView {
    pub(super) name: String,
    pub(super) organisation: String,
    pub(super) role: String,
    pub(super) at: String,
}

impl HallPage {
    pub fn new(p: &Page, mut seen: Seen) -> Self {
        let facts = seen.facts.clone();
        let deadline = facts.schedule.map(|schedule| schedule.bids_until);
        let hearing = seen.envelopes.iter().any(|envelope| envelope.published_at.is_none());
        let closing = seen.closing.as_ref().map(|closing| ClosingView {
            size: closing.size,
            root: b64u(&closing.root),
            at: closing.at.beijing(),
            bidders: closing.bidders,
        });
        let published = seen.envelopes.iter().all(|envelope| envelope.published_at.is_some());
        let stage = stage_of(&facts, seen.closing.is_some(), published, seen.now);
        let envelopes: Vec<_> = seen.envelopes.iter().map(|one| envelope_view(p, &seen, one)).collect();
        Self {
            p: p.clone(),
            number: facts.number.to_string(),
            lot: facts.lot_number.to_string(),
            title: format!("{} {}", facts.tender_title, facts.title),
            deadline: deadline.unwrap_or(seen.now),
            stage: stage.code(),
            said: said(p, stage, &envelopes),
            minimum: facts.terms.minimum_bidders,
            untried: seen.untried,
            closing,
            can_close: seen.closing.is_none() && seen.may(Step::CloseBidding),
            can_arrive: seen.closing.is_some()
                && !seen.arrived
                && seen.may(Step::SignInAtOpening)
                && (seen.bids || seen.who.as_ref().is_some_and(|who| who.role != Role::Bidder)),
            arrivals: seen.arrivals.iter().map(|arrival| arrival_view(p, arrival)).collect(),
            envelopes,
            numbers: std::mem::take(&mut seen.numbers)
                .into_iter()
                .map(|number| NumberView::new(p, &seen.facts, seen.who.as_ref(), seen.now, number))
                .collect(),
            objections: seen.objections.iter().map(objection_view).collect(),
            can_object: hearing && seen.bids && seen.may(Step::ObjectAtOpening),
            can_answer: seen.may(Step::AnswerAtOpening),
        }
    }
}

/// Where the opening of a lot stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Not announced.
    Planned,
    Before,
    /// The time has come and the box is not closed yet.
    Due,
    Held,
    TooFew,
    Sitting,
    Over,
}

impl Stage {
    /// The last part of a locale key.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Before => "before",
            Self::Due => "due",
            Self::Held => "held",
            Self::TooFew => "too_few",
            Self::Sitting => "sitting",
            Self::Over => "over",
        }
    }

    pub(super) const fn is_to_come(self) -> bool {
        matches!(self, Self::Planned | Self::Before | Self::Held)
    }

    pub(super) const fn is_going_on(self) -> bool {
        matches!(self, Self::Due | Self::Sitting)
    }

    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::TooFew | Self::Over)
    }
}

/// The stage of a lot. `published`: every envelope whose session has begun has its record.
pub(super) fn stage_of(facts: &LotFacts, closed: bool, published: bool, now: Moment) -> Stage {
    let Some(schedule) = facts.schedule else { return Stage::Planned };
    if facts.reached(Milestone::NotOpened).is_some() {
        Stage::TooFew
    } else if closed && published {
        Stage::Over
    } else if closed {
        Stage::Sitting
    } else if facts.hold().is_held() {
        Stage::Held
    } else if now < schedule.bids_until {
        Stage::Before
    } else {
        Stage::Due
    }
}

/// What a screen reader says when it has changed.
fn said(p: &Page, stage: Stage, envelopes: &[EnvelopeView]) -> String {
    let mut said = match stage {
        // their sentences stand on the page with values that do not change
        Stage::Before | Stage::TooFew => String::new(),
        other => p.t(&format!("opening.stage.{}", other.code())),
    };
    let Some(envelope) = envelopes.iter().rev().find(|_| stage == Stage::Sitting) else { return said };
    if let Some(at) = &envelope.opened_at {
        said.push_str(&p.tv("opening.opened_at", "at", at));
    } else {
        said.push_str(&p.tvv("opening.trustees.progress", "have", envelope.have, "need", envelope.need));
    }
    said
}

pub(super) fn role_name(p: &Page, code: &str) -> String {
    p.t(&format!("account.role.{code}"))
}

fn arrival_view(p: &Page, arrival: &Arrival) -> ArrivalView {
    ArrivalView {
        name: arrival.name.clone(),
        organisation: arrival.organisation.clone(),
        role: role_name(p, &arrival.role),
        at: arrival.at.beijing(),
    }
}

fn objection_view(row: &ObjectionRow) -> ObjectionView {
    let objection = &row.objection;
    ObjectionView {
        id: row.id.to_string(),
        organisation: objection.organisation.clone(),
        words: objection.words.clone(),
        at: objection.at.beijing(),
        answer: objection.answer.clone(),
        answered_at: objection.answered_at.map(Moment::beijing).unwrap_or_default(),
    }
}

fn envelope_view(p: &Page, seen: &Seen, envelope: &SeenEnvelope) -> EnvelopeView {
    let kind = envelope.sitting.envelope;
    let fields = seen.facts.book().map(|book| fields_of(kind, book)).unwrap_or_default();
    let opened = envelope.sitting.opened_at;
    let need = seen.trustees.as_ref().map_or(0, |set| set.t);
    let own = seen.own_place();
    let released = own.is_some_and(|own| envelope.releases.iter().any(|found| found.release.i == own));
    let opener = seen.who.as_ref().is_some_and(|who| can_open(&seen.facts, kind, who, seen.now));
    let keys = envelope.keys.as_ref().map(|(keys, bids)| {
        let reader = Reader {
            now: seen.now,
            opened: opened.is_some(),
            may_release: seen.may(Step::ReleaseBidderKey),
            may_excuse: seen.may(Step::ExcuseAbsence),
            may_read: seen.may_read_papers(),
            bids,
        };
        KeysView::new(keys, &reader)
    });
    let bidders_first = keys.as_ref().is_some_and(|keys| !keys.over);
    EnvelopeView {
        code: kind.code(),
        bids: envelope.sitting.bid_set.bids.len(),
        trustees: trustee_views(seen, envelope),
        have: envelope.releases.len(),
        need,
        opened_at: opened.map(Moment::beijing),
        keys,
        running: envelope.running.clone(),
        can_release: !bidders_first
            && opened.is_none()
            && own.is_some()
            && !released
            && seen.may(Step::ReleaseShares),
        can_open: opened.is_none() && opener && envelope.releases.len() >= usize::from(need),
        opener: opened.is_none() && opener,
        title: p.t(&format!("opening.envelope.{}", kind.code())),
        fields: fields.iter().map(|name| column(p, name)).collect(),
        lines: lines(p, envelope.record.as_ref(), &fields),
        record: record_view(p, seen, envelope),
    }
}

fn column(p: &Page, name: &str) -> Column {
    Column { name: p.t(&format!("opening.field.{name}")), number: is_number(name) }
}

fn cell(p: &Page, form: &Form, name: &str) -> Cell {
    let text = form.get(name).cloned().unwrap_or_default();
    // one of three words stands for a sentence; anything else is shown as it was written
    let declared = name == ENTERPRISE && ENTERPRISES.contains(&text.as_str());
    let text = if declared { p.t(&format!("sealed_bid.enterprise.{text}")) } else { text };
    let price = (name == "price").then(|| Fen::parse(&text)).flatten();
    // an amount is easier to read aloud with its thousands apart; what is no amount is shown as it was written
    let text = price.map_or(text, |price| price.to_string());
    Cell { text, number: is_number(name) }
}

fn is_number(name: &str) -> bool {
    matches!(name, "price" | "period_days")
}

fn trustee_views(seen: &Seen, envelope: &SeenEnvelope) -> Vec<TrusteeView> {
    let members = seen.trustees.iter().flat_map(|set| &set.members);
    let view = |member: &crate::sealing::trustees::Member| TrusteeView {
        i: member.i,
        organisation: member.org.clone(),
        released_at: envelope
            .releases
            .iter()
            .find(|found| found.release.i == member.i)
            .map(|found| found.at.beijing()),
        wrong: envelope.bids.iter().filter(|bid| bid.liars.contains(&member.i)).count(),
    };
    members.map(view).collect()
}

/// The read-out of a published record.
pub(super) struct ReadOutView {
    pub(super) fields: Vec<Column>,
    pub(super) lines: Vec<LineView>,
}

/// The read-out as the record has it.
pub(super) fn record_lines(p: &Page, facts: &LotFacts, record: &OpeningRecord) -> ReadOutView {
    let fields = facts.book().map(|book| fields_of(record.envelope, book)).unwrap_or_default();
    ReadOutView {
        fields: fields.iter().map(|name| column(p, name)).collect(),
        lines: lines(p, Some(record), &fields),
    }
}

fn lines(p: &Page, record: Option<&OpeningRecord>, fields: &[&str]) -> Vec<LineView> {
    let read_out = record.into_iter().flat_map(|record| &record.read_out);
    let line = |(at, bid): (usize, &crate::opening::record::ReadOut)| LineView {
        place: at + 1,
        bidder: bid.bidder.clone(),
        submitted_at: bid.submitted_at.beijing(),
        values: fields.iter().map(|name| cell(p, &bid.form, name)).collect(),
        not_opened: bid.not_opened.as_ref().map(|failed| {
            let cause = p.t(&format!("opening.cause.{}", failed.cause.code()));
            (cause, p.t(&format!("opening.blame.{}", failed.blame.code())))
        }),
    };
    read_out.enumerate().map(line).collect()
}

fn record_view(p: &Page, seen: &Seen, envelope: &SeenEnvelope) -> Option<RecordView> {
    let record = envelope.record.as_ref()?;
    let published = envelope.published_at;
    let name = seen.who.as_ref().map(|who| (who.name.as_str(), who.organisation_name.as_str()));
    let signed =
        envelope.signatures.iter().any(|row| Some((row.name.as_str(), row.organisation.as_str())) == name);
    let unanswered = record.objections.iter().filter(|objection| objection.answer.is_none()).count();
    let agent = seen.who.as_ref().is_some_and(|who| who.role == Role::Agent);
    let signatures = envelope.signatures.iter().map(|row| SignatureView {
        name: row.name.clone(),
        organisation: row.organisation.clone(),
        role: role_name(p, &row.role),
        at: row.at.beijing(),
    });
    Some(RecordView {
        hash: b64u(&record.hash()),
        statement: record.statement(),
        published_at: published.map(Moment::beijing),
        signatures: signatures.collect(),
        can_publish: published.is_none() && agent && unanswered == 0 && seen.may(Step::SignOpeningRecord),
        can_sign: published.is_some() && seen.arrived && !signed && seen.may(Step::SignOpeningRecord),
        unanswered,
    })
}
