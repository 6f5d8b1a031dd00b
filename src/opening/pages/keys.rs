//! 投标人解密 Where bids are locked with their bidders' keys too: what the hall shows of the bidders' phase, and its addresses.

use super::{Envelope, ReleaseForm, back, envelope_of};
use crate::account::authority::Authority;
use crate::account::form::{Posted, fields_and_file, one_file};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Bidder, Centre, Entity, Supervisor, Who};
use crate::ledger::arrivals::Arrival;
use crate::ledger::{Act, Door};
use crate::opening::bidders::{self, Taken};
use crate::opening::record::{BidderKeyLine, BidderKeys};
use crate::opening::rules::{self, Refusal};
use crate::opening::store::Paper;
use crate::opening::{hall, store};
use crate::platform::canonical::jcs_text;
use crate::platform::digest::sha256;
use crate::platform::files::content::Content as Kind;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::{Answer, attached};
use crate::project::flow::Step;
use crate::project::rules::Lot;
use crate::sealed_bid::arrival::Came;
use crate::sealed_bid::store as bids;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// The bidders' phase of one envelope.
pub(super) struct KeysView {
    pub until: String,
    pub until_micros: i64,
    pub over: bool,
    pub have: usize,
    pub need: usize,
    pub rows: Vec<KeyRow>,
    /// This reader's own bid waits for its key.
    pub turn: bool,
    /// Anybody else who is signed in may hold a second key.
    pub may_hold: bool,
}

/// One bid.
pub(super) struct KeyRow {
    pub m: String,
    pub bidder: String,
    pub released_at: String,
    pub second: bool,
    pub wrong: u32,
    pub excuse: Option<String>,
    /// Whether there is a paper that shows it, and this reader may read it.
    pub paper: bool,
    /// The agent may record why the key is missing.
    pub can_excuse: bool,
}

/// A bid, its bidder's name, and whether it is the reader's own.
pub(super) type NamedBid = (Bytes<32>, String, bool);

/// What the view needs to know of the reader.
pub(super) struct Reader<'a> {
    pub now: Moment,
    pub opened: bool,
    /// May release keys at all.
    pub may_release: bool,
    pub may_excuse: bool,
    /// May read the papers of every bid; a bidder reads those of its own.
    pub may_read: bool,
    /// Names of the bidders, and which bids are the reader's own.
    pub bids: &'a [NamedBid],
}

impl Reader<'_> {
    fn may_read(&self, m: Bytes<32>) -> bool {
        self.may_read || self.bids.iter().any(|(other, _, own)| *own && *other == m)
    }
}

impl KeysView {
    pub(super) fn new(keys: &BidderKeys, reader: &Reader<'_>) -> Self {
        let have = keys.bids.iter().filter(|line| line.released_at.is_some()).count();
        let need = keys.bids.len();
        let over = keys.ended_at.is_some() || have == need || reader.now >= keys.until;
        let own = |line: &&BidderKeyLine| reader.bids.iter().any(|(m, _, own)| *own && *m == line.m);
        let waits = keys.bids.iter().filter(own).any(|line| line.released_at.is_none());
        let open = !over && !reader.opened && reader.may_release;
        let row = |line: &BidderKeyLine| KeyRow {
            m: line.m.to_string(),
            bidder: reader
                .bids
                .iter()
                .find(|bid| bid.0 == line.m)
                .map(|bid| bid.1.clone())
                .unwrap_or_default(),
            released_at: line.released_at.map(Moment::beijing).unwrap_or_default(),
            second: line.second,
            wrong: line.wrong,
            excuse: line.excuse.clone(),
            paper: line.paper.is_some() && reader.may_read(line.m),
            can_excuse: over
                && !reader.opened
                && reader.may_excuse
                && line.released_at.is_none()
                && line.excuse.is_none(),
        };
        Self {
            until: keys.until.beijing(),
            until_micros: keys.until.micros(),
            over,
            have,
            need,
            rows: keys.bids.iter().map(row).collect(),
            turn: open && waits,
            may_hold: open && !waits,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Holder {
    /// Box key of a second holder, b64u.
    #[serde(default)]
    hpke: String,
}

type Everybody = Among<(Bidder, Agent, Entity, Supervisor, Centre)>;

/// What the browser of a holder of bidders' keys checks and releases from.
pub(super) async fn bundle_get(
    Among(who, ..): Everybody,
    door: web::Data<Door>,
    path: Envelope,
    holder: web::Query<Holder>,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let holder = Bytes::parse(&holder.hpke);
    let (vault, now) = (door.vault().clone(), door.now());
    let bundle = door
        .look(move |db| {
            let sitting = store::sitting(db, facts.lot, envelope)?;
            let sitting = sitting.ok_or(Refused::from(Refusal::NotClosed))?;
            hall::key_bundle(db, &vault, &facts, &sitting, (&who, holder), now)
        })
        .await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&bundle)))
}

async fn take(
    (door, authority): (&Door, &Authority),
    who: Who,
    (lot, envelope): (Id<Lot>, EnvelopeKind),
    arrival: Arrival,
    release: String,
) -> Result<(), Failure> {
    let (actor, line, authority) = (who.actor(), who.organisation, authority.clone());
    let work = move |act: &mut Act<'_>| bidders::release_key(act, &authority, &who, lot, envelope, &release);
    let done = door.act_arrived(actor, line, arrival, work).await?;
    match done.value {
        Taken::Key => Ok(()),
        Taken::Wrong => Err(Refused::from(Refusal::WrongKey).into()),
    }
}

pub(super) async fn key_post(
    Among(who, ..): Everybody,
    p: Page,
    (door, authority): (web::Data<Door>, web::Data<Authority>),
    path: Envelope,
    form: Posted<ReleaseForm>,
    came: Came,
) -> Answer {
    let arrival = came.or_now(&door);
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let done = take((&door, &authority), who, (facts.lot, envelope), arrival, form.0.release).await;
    back(p, &door, facts, done).await
}

/// Largest release of a key that is read, in bytes; with signature and certificates it takes about 3,000.
const KEY_BYTES_MAX: usize = 1 << 16;

/// The release that `sunbid open release-key` wrote.
pub(super) async fn key_file_post(
    Among(who, ..): Everybody,
    p: Page,
    (door, authority): (web::Data<Door>, web::Data<Authority>),
    path: Envelope,
    parts: Multipart,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let (_, content) = one_file(parts, &p.csrf, KEY_BYTES_MAX, "64 KiB").await?;
    let (arrival, release) = (door.arrive(), String::from_utf8_lossy(&content).into_owned());
    let done = take((&door, &authority), who, (facts.lot, envelope), arrival, release).await;
    back(p, &door, facts, done).await
}

/// Largest paper, in bytes.
const PAPER_BYTES_MAX: usize = 20 << 20;

/// The agent records why a key is missing, with the paper that shows it.
pub(super) async fn excuse_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: Envelope,
    parts: Multipart,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    // before anything is read or kept
    facts.may_own(Step::ExcuseAbsence, &who, door.now())?;
    let (lot, now) = (facts.lot, door.now());
    let waits = door.look(move |db| Ok(store::bidders(db, lot, envelope)?.is_some_and(|it| it.is_over(now))));
    if !waits.await? {
        return Err(Refused::from(Refusal::NotAbsent).into());
    }
    let (fields, (name, content)) = fields_and_file(parts, &p.csrf, PAPER_BYTES_MAX, "20 MiB").await?;
    let m = fields.get("m").and_then(|m| Bytes::parse(m)).ok_or_else(|| Refused::from(Refusal::NotAbsent))?;
    let words = fields.get("words").cloned().unwrap_or_default();
    let done = async {
        Kind::judge(&content).ok_or_else(|| Refused::from(Refusal::Paper))?;
        let paper = Paper { name: rules::paper_name(&name), sha256: Bytes(sha256(&[&content])) };
        door.keep_document(content).await?;
        let by = who.clone();
        let excuse = move |act: &mut Act<'_>| bidders::excuse(act, &by, lot, envelope, m, (&words, &paper));
        door.act(who.actor(), excuse).await.map(|_| ())
    };
    let done = done.await;
    back(p, &door, facts, done).await
}

/// The paper that shows why a key is missing: for the agent, the entity, the bidder whom it concerns, and who watches.
pub(super) async fn paper_get(
    Among(who, ..): Everybody,
    door: web::Data<Door>,
    path: web::Path<(String, String, String, String)>,
) -> Answer {
    let (number, lot, envelope, m) = path.into_inner();
    let (facts, envelope) = envelope_of(&door, (number, lot, envelope).into(), Some(&who)).await?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let m = Bytes::parse(&m).ok_or_else(missing)?;
    let vault = door.vault().clone();
    let paper = door.look(move |db| {
        let Some(closing) = store::closing(db, facts.lot)? else { return Ok(None) };
        let may = match who.role {
            Role::Bidder => {
                let place = (facts.lot, envelope);
                let own = bids::counted_of(db, &vault, place, who.organisation, closing.size)?;
                own.is_some_and(|bid| bid.m == m.0)
            }
            Role::Agent | Role::Entity => facts.is_own(&who),
            role => matches!(role, Role::Supervisor | Role::Centre),
        };
        let excuse = store::excuses(db, facts.lot, envelope)?.into_iter().find(|excuse| excuse.m == m);
        Ok(excuse.and_then(|excuse| excuse.paper).filter(|_| may))
    });
    let paper = paper.await?.ok_or_else(missing)?;
    let content = door.files().get(&hex::encode(paper.sha256.0)).await?;
    let kind = Kind::judge(&content).map_or("application/octet-stream", Kind::media_type);
    Ok(attached::answer(kind, &paper.name, content))
}
