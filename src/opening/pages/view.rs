//! What the hall page shows, and to whom which button.

use super::keys::{KeysView, Reader};
use super::numbers::NumberView;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::expert_draw::actions::{NumberDraw, number_draws};
use crate::opening::actions::can_open;
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
use crate::sealed_bid::rules::{ENTERPRISE, ENTERPRISES, envelopes_of, fields_of};
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
    /// The visitor's organisation has a bid that counts.
    bids: bool,
    envelopes: Vec<SeenEnvelope>,
    numbers: Vec<NumberDraw>,
}

struct SeenEnvelope {
    sitting: Sitting,
    /// The bidders' phase, and of its bids: whose they are, and whether they are the visitor's own.
    keys: Option<(BidderKeys, Vec<(Bytes<32>, String, bool)>)>,
    releases: Vec<Released>,
    bids: Vec<BidRow>,
    record: Option<OpeningRecord>,
    published_at: Option<Moment>,
    signatures: Vec<SignatureRow>,
}

impl Seen {
    pub fn gather(
        db: &mut Db,
        vault: &Vault,
        facts: LotFacts,
        who: Option<Who>,
        now: Moment,
    ) -> Result<Self, Failure> {
        let lot = facts.lot;
        let closing = store::closing(db, lot)?;
        let mut envelopes = Vec::new();
        let mut bids = false;
        for kind in envelopes_of(&facts.terms) {
            if let (Some(closing), Some(who)) =
                (&closing, who.as_ref().filter(|who| who.role == Role::Bidder))
            {
                let counted = crate::sealed_bid::store::counted(db, vault, lot, *kind, closing.size)?;
                bids |= counted.iter().any(|bid| bid.organisation == who.organisation);
            }
            let Some(sitting) = store::sitting(db, lot, *kind)? else { continue };
            envelopes.push(SeenEnvelope {
                keys: seen_keys(db, vault, &facts, *kind, who.as_ref())?,
                releases: store::releases(db, lot, *kind)?,
                bids: store::bids(db, lot, *kind)?,
                record: protocol::record_of(db, vault, &facts, *kind)?,
                published_at: store::record(db, lot, *kind)?.map(|(_, at)| at),
                signatures: store::signatures(db, lot, *kind)?,
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
) -> Result<Option<(BidderKeys, Vec<(Bytes<32>, String, bool)>)>, Failure> {
    let Some(keys) = protocol::bidder_keys(db, facts.lot, envelope)? else { return Ok(None) };
    let Some(closing) = store::closing(db, facts.lot)? else { return Ok(None) };
    let mut bids = Vec::new();
    for bid in crate::sealed_bid::store::counted(db, vault, facts.lot, envelope, closing.size)? {
        let name = crate::party::store::get(db, bid.organisation)?.map(|found| found.name);
        let own = who.is_some_and(|who| who.role == Role::Bidder && who.organisation == bid.organisation);
        bids.push((Bytes(bid.manifest.id()), name.unwrap_or_default(), own));
    }
    Ok(Some((keys, bids)))
}

#[derive(Template)]
#[template(path = "opening/hall.html")]
pub struct HallPage {
    p: Page,
    number: String,
    lot: String,
    title: String,
    deadline: Moment,
    /// `before`, `due`, `too_few`, `sitting`, `held` or `planned`.
    stage: &'static str,
    minimum: u32,
    closing: Option<ClosingView>,
    can_close: bool,
    can_arrive: bool,
    arrivals: Vec<ArrivalView>,
    envelopes: Vec<EnvelopeView>,
    /// Numbers that the method leaves to a draw.
    numbers: Vec<NumberView>,
    objections: Vec<ObjectionView>,
    can_object: bool,
    can_answer: bool,
}

struct ClosingView {
    size: u64,
    root: String,
    at: String,
    bidders: u32,
}

struct ArrivalView {
    name: String,
    organisation: String,
    role: String,
    at: String,
}

struct ObjectionView {
    id: String,
    organisation: String,
    words: String,
    at: String,
    answer: Option<String>,
    answered_at: String,
}

struct EnvelopeView {
    code: &'static str,
    bids: usize,
    trustees: Vec<TrusteeView>,
    have: usize,
    need: u8,
    keys: Option<KeysView>,
    opened_at: Option<String>,
    can_release: bool,
    can_open: bool,
    opener: bool,
    title: String,
    /// Name of each column; prices are set to the right.
    fields: Vec<Column>,
    lines: Vec<LineView>,
    record: Option<RecordView>,
}

struct Column {
    name: String,
    number: bool,
}

struct TrusteeView {
    i: u8,
    organisation: String,
    released_at: Option<String>,
    wrong: usize,
}

struct LineView {
    place: usize,
    bidder: String,
    submitted_at: String,
    values: Vec<Cell>,
    /// Locale keys of the cause and of who is to blame, if it was not opened.
    not_opened: Option<(String, String)>,
}

struct Cell {
    text: String,
    number: bool,
}

struct RecordView {
    hash: String,
    statement: String,
    published_at: Option<String>,
    signatures: Vec<SignatureView>,
    can_publish: bool,
    can_sign: bool,
    unanswered: usize,
}

struct SignatureView {
    name: String,
    organisation: String,
    role: String,
    at: String,
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
        Self {
            p: p.clone(),
            number: facts.number.to_string(),
            lot: facts.lot_number.to_string(),
            title: format!("{} {}", facts.tender_title, facts.title),
            deadline: deadline.unwrap_or(seen.now),
            stage: stage(&seen, deadline),
            minimum: facts.terms.minimum_bidders,
            closing,
            can_close: seen.closing.is_none() && seen.may(Step::CloseBidding),
            can_arrive: seen.closing.is_some()
                && !seen.arrived
                && seen.may(Step::SignInAtOpening)
                && (seen.bids || seen.who.as_ref().is_some_and(|who| who.role != Role::Bidder)),
            arrivals: seen.arrivals.iter().map(|arrival| arrival_view(p, arrival)).collect(),
            envelopes: seen.envelopes.iter().map(|envelope| envelope_view(p, &seen, envelope)).collect(),
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

fn stage(seen: &Seen, deadline: Option<Moment>) -> &'static str {
    let Some(deadline) = deadline else { return "planned" };
    if seen.facts.reached(Milestone::NotOpened).is_some() {
        "too_few"
    } else if seen.closing.is_some() && seen.envelopes.iter().all(|envelope| envelope.published_at.is_some())
    {
        "over"
    } else if seen.closing.is_some() {
        "sitting"
    } else if seen.facts.hold().is_held() {
        "held"
    } else if seen.now < deadline {
        "before"
    } else {
        "due"
    }
}

fn role_name(p: &Page, code: &str) -> String {
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
        can_release: !bidders_first
            && opened.is_none()
            && own.is_some()
            && !released
            && seen.may(Step::ReleaseShares),
        can_open: opened.is_none() && opener && envelope.releases.len() >= usize::from(need),
        opener: opened.is_none() && opener,
        title: p.t(&format!("opening.envelope.{}", kind.code())),
        fields: fields.iter().map(|name| column(p, name)).collect(),
        lines: lines(p, envelope, &fields),
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

fn lines(p: &Page, envelope: &SeenEnvelope, fields: &[&str]) -> Vec<LineView> {
    let read_out = envelope.record.iter().flat_map(|record| &record.read_out);
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
